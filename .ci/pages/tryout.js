// Runs before the scripts of Swagger UI: remembers what they send, and presses the buttons of an operation.

const sent = [];
const send = window.fetch;
window.fetch = async (address, options) => {
  const request = { headers: new Headers(options?.headers), body: options?.body };
  sent.push(request);
  const answer = await send(address, options);
  if (answer.status >= 400) request.said = await answer.clone().text();
  request.answer = answer;
  return `${address}`.endsWith("/openapi.json") ? withoutRefusals(await answer.json()) : answer;
};

// Drawing the dozen refusals that each operation may meet takes most of the time. What is sent does not depend on them.
const withoutRefusals = (document) => {
  for (const operation of Object.values(document.paths).flatMap(Object.values)) {
    for (const status of Object.keys(operation.responses)) {
      if (!status.startsWith("2")) delete operation.responses[status];
    }
  }
  return Response.json(document);
};

const PATIENCE = 30_000;

const pause = (time) => new Promise((go) => setTimeout(go, time));

const until = async (found) => {
  for (const started = performance.now(); performance.now() < started + PATIENCE;) {
    const result = found();
    if (result) return result;
    await pause(20);
  }
  throw new Error(`waited in vain until ${found}`);
};

class Operation {
  constructor(tag, id) {
    this.tag = tag;
    this.id = id;
  }

  get block() {
    return document.getElementById(`operations-${this.tag}-${this.id}`);
  }

  find(selector) {
    return this.block.querySelector(selector);
  }

  all(selector) {
    return [...this.block.querySelectorAll(selector)];
  }

  // Shows it alone, as whatever else is shown is drawn again with each change.
  async open() {
    for (const shown of document.querySelectorAll(".models.is-open .models-control")) shown.click();
    for (const tag of document.querySelectorAll(".opblock-tag")) {
      if ((tag.dataset.isOpen === "true") !== (tag.dataset.tag === this.tag)) tag.click();
    }
    await until(() => this.block);
    this.find(".opblock-summary-control").click();
    const button = await until(() => this.find(".try-out__btn"));
    if (!this.find("button.execute")) button.click();
    await until(() => this.find("button.execute"));
    // An example comes a moment after its field.
    await until(() => this.all("textarea").every((field) => field.value));
  }

  async close() {
    this.find(".opblock-summary-control").click();
    await until(() => !this.find(".opblock-body"));
  }

  async fill(values) {
    for (const [name, value] of Object.entries(values)) {
      const field = this.find(name === "body" ? "textarea" : `[data-param-name="${name}"] input`);
      // As typing does: React takes no notice of a plain assignment.
      const property = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
      property.set.call(field, value);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      await pause(0);
      // Leaving the field makes the page take it at once.
      field.dispatchEvent(new FocusEvent("focusout", { bubbles: true }));
      await pause(0);
    }
  }

  // Names of the fields that keep a request from being sent.
  invalid() {
    const rows = this.all(".invalid").map((field) => field.closest("[data-param-name], [data-property-name]"));
    return rows.length > 0 && rows.map((row) => row?.dataset.paramName ?? row?.dataset.propertyName ?? "body");
  }

  // Tells what was sent and answered, once the page shows it.
  async execute() {
    const before = sent.length;
    this.find("button.execute").click();
    // The page forgets what it has said of fields before.
    await pause(0);
    await until(() => sent.length > before || this.invalid());
    if (sent.length === before) return { missing: this.invalid() };
    const request = sent[before];
    const { status, headers } = await until(() => request.answer);
    const shown = () => this.find(".live-responses-table tbody .response-col_status")?.textContent.split(/\D/)[0];
    await until(() => shown() === `${status}` && !this.find(".loading-container"));
    const { said, body } = request;
    return { status, said, body, sent: [...request.headers.keys()], answered: [...headers.keys()] };
  }
}

// Presses "Try it out", and Execute once for each of `turns`: the values that are typed in before it.
window.tryOut = async (tag, id, turns) => {
  const operation = new Operation(tag, id);
  await operation.open();
  const results = [];
  for (const values of turns) {
    await operation.fill(values);
    results.push(await operation.execute());
  }
  await operation.close();
  return results;
};
