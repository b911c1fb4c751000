// Requests to the server.

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch { throw new Error('The local XSOAR does not respond. Try again once it is back.'); }
}

export async function ask(method, path, body, signal) {
  const headers = body === undefined ? {} : {'Content-Type': 'application/json'};
  const response = await reach(`/localxsoar/${path}`, {method, signal, headers, body: body && JSON.stringify(body)});
  const text = await response.text();
  let content = null;
  try { content = JSON.parse(text); } catch { /* a line of text */ }
  if (response.ok) return content;
  throw Object.assign(new Error((content && content.error) || text || response.statusText), {field: content && content.field});
}
