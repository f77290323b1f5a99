// Follows the changes of an account from the page that it runs in, and remembers each event.

const names = ["ready", "put", "delete", "resync", "bye"];

window.followChanges = async (server, token, cursor) => {
  const headers = { Authorization: `Bearer ${token}` };
  const { url } = await (await fetch(`${server}/api/v1/events/ticket`, { method: "POST", headers })).json();
  const events = new EventSource(`${server}${url}&since=${cursor}`);
  window.followed = { events, told: [] };
  for (const name of names) {
    events.addEventListener(name, ({ lastEventId, data }) => {
      window.followed.told.push([name, lastEventId, JSON.parse(data)]);
    });
  }
};
