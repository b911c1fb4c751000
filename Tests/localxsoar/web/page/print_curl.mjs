// Prints, for each delivery that comes as a line of JSON, its curl command as a line of JSON.
import {createInterface} from 'node:readline';
import './document.mjs';
import {curlCommand} from '../../../../localxsoar/web/page/curl.js';

for await (const line of createInterface({input: process.stdin})) {
  const {origin, ...delivery} = JSON.parse(line);
  location.origin = origin;
  console.log(JSON.stringify(curlCommand(delivery)));
}
