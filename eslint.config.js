// The rules for the page of the local XSOAR, beside those of tsconfig.json. `npm ci`, then `npm run check`.
import js from '@eslint/js';
import globals from 'globals';

export default [{ignores: ['.*/**', 'dist/**']}, {
  files: ['localxsoar/web/page/*.js'],
  languageOptions: {globals: globals.browser},
  linterOptions: {reportUnusedDisableDirectives: 'error'},
  rules: {
    ...js.configs.recommended.rules,
    complexity: ['error', 12],
    'max-len': ['error', 130],
    'no-control-regex': 'off',  // the page shows what senders send, which may have control characters
    'no-misleading-character-class': ['error', {allowEscape: true}],
    'no-unused-vars': ['error', {ignoreRestSiblings: true}],
    'no-var': 'error',
    'prefer-const': ['error', {destructuring: 'all'}],
    eqeqeq: 'error',
  },
}];
