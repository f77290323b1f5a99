// Makes calls from the page that it runs in, one after the other, and tells what a page can read of the answers.

const bodies = {
  json: (body) => JSON.stringify(body),
  form: (body) => new URLSearchParams(body),
  multipart: (body) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(body)) form.append(name, value);
    return form;
  },
};

const ask = async (address, { method, headers, kind, body }) => {
  const type = kind === "json" ? { "Content-Type": "application/json" } : {};
  const options = { method, headers: { ...type, ...headers }, body: bodies[kind]?.(body), credentials: "omit" };
  try {
    const answer = await fetch(address, options);
    return { status: answer.status, headers: [...answer.headers.keys()], said: await answer.text() };
  } catch (error) {
    return { error: error.name };
  }
};

window.callAll = async (server, calls) => {
  const results = [];
  for (const call of calls) results.push(await ask(server + call.path, call));
  return results;
};
