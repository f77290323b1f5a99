// Follows the changes of an account with the npm package eventsource, and prints each event. Ends with the stream.
//
//     node events.mjs http://ADDRESS TOKEN CURSOR header|ticket

import { EventSource } from 'eventsource';

const [url, token, cursor, way] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };

async function open() {
  if (way === 'ticket') {
    const made = await (await fetch(`${url}/api/v1/events/ticket`, { method: 'POST', headers })).json();
    return new EventSource(`${url}${made.url}&since=${cursor}`);
  }
  return new EventSource(`${url}/api/v1/events?since=${cursor}`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
  });
}

const events = await open();
for (const name of ['ready', 'put', 'delete', 'resync', 'bye']) {
  events.addEventListener(name, ({ lastEventId, data }) => {
    console.log(JSON.stringify([name, lastEventId, JSON.parse(data)]));
  });
}
