// Keeps a copy of an account with RxDB's replication, as its documentation says for a server of one's own: a handler
// that pulls pages of changes, and a stream of events. Cuts its own connections at random until it is told the last task.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { createRxDatabase } from "rxdb/plugins/core";
import { replicateRxCollection } from "rxdb/plugins/replication";
import { getRxStorageMemory } from "rxdb/plugins/storage-memory";
import { Subject } from "rxjs";

// Node 18 has it under this name only.
globalThis.crypto ??= webcrypto;

const AGAIN = new Set(["busy", "account_busy", "unavailable", "timeout", "outcome_unknown"]);
const SCHEMA = {
  version: 0,
  primaryKey: "key",
  type: "object",
  properties: { key: { type: "string", maxLength: 64 }, text: { type: "string" } },
  required: ["key"],
};
const counts = { pages: 0, events: 0, cuts: 0, resyncs: 0, restarts: 0, breaks: 0 };
// What goes on, for the report of a failure.
const doing = {};
let settings, last;
let told;
const begun = new Promise((resolve) => { told = resolve; });

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const fail = (what) => { console.log(String(what?.stack ?? what)); process.exit(1); };
process.on("unhandledRejection", fail);

// Numbers that are the same for each run of a seed.
let state;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}
const chance = (probability) => last === undefined && random() < probability;

createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  if (message.base) {
    settings = message;
    state = message.seed >>> 0;
    told();
  }
  if (message.last !== undefined) last = message.last;
  if (message.tell) console.log(JSON.stringify({ counts, doing }));
}).on("close", () => process.exit(1));

function documentOf(change) {
  const object = change[change.kind];
  const id = change.op === "delete" ? change.id : object.id;
  const key = change.kind === "account" ? change.kind : `${change.kind}/${id}`;
  const hasOwner = change.kind !== "list";
  if (object && hasOwner && (object.owner_id ?? object.id) !== settings.owner) fail(`another account's: ${JSON.stringify(object)}`);
  return change.op === "put"
    ? { key, text: JSON.stringify(object), _deleted: false }
    : { key, text: "", _deleted: true };
}

function open(path, signal) {
  return fetch(settings.base + path, { headers: { Authorization: `Bearer ${settings.token}` }, signal });
}

// What a refusal means: to begin anew, or to try again.
async function refused(response, replica) {
  const { code } = await response.json().catch(() => ({}));
  if (code === "resync_required") replica.begin_anew();
  else if (!AGAIN.has(code)) fail(`${response.url}: ${response.status} ${code}`);
}

class Replica {
  static number = 0;

  async start() {
    const name = `copy${Replica.number++}`;
    this.database = await createRxDatabase({ name, storage: getRxStorageMemory() });
    const { objects } = await this.database.addCollections({ objects: { schema: SCHEMA } });
    this.collection = objects;
    this.replicate();
    return this;
  }

  replicate() {
    doing.replica = "replicates";
    this.events = new Subject();
    this.stopped = new AbortController();
    this.replication = replicateRxCollection({
      collection: this.collection,
      replicationIdentifier: "duly",
      live: true,
      retryTime: 100,
      waitForLeadership: false,
      pull: {
        batchSize: 50,
        handler: (checkpoint, limit) => this.pull(checkpoint, limit),
        stream$: this.events.asObservable(),
      },
    });
    this.streaming = this.stream(this.stopped.signal);
  }

  begin_anew() {
    this.is_outdated = true;
  }

  async pull(checkpoint, limit) {
    const since = checkpoint?.cursor ? `&since=${checkpoint.cursor}` : "";
    const cut = new AbortController();
    doing.pull = `asks since ${since}`;
    const response = await open(`/tasks/changes?limit=${limit}${since}`, cut.signal);
    doing.pull = `reads ${response.status}`;
    if (!response.ok) {
      await refused(response, this);
      throw new Error(`${response.status}`);
    }
    if (chance(0.15)) {
      counts.cuts++;
      await response.body.getReader().read();
      cut.abort();
      throw new Error("cut");
    }
    const { changes, cursor } = await response.json();
    counts.pages++;
    doing.pull = `has ${changes.length}`;
    return { documents: changes.map(documentOf), checkpoint: { cursor } };
  }

  async stream(stopped) {
    while (!stopped.aborted) {
      const cut = new AbortController();
      const stop = () => cut.abort();
      stopped.addEventListener("abort", stop);
      try {
        doing.stream = "opens";
        const response = await open("/events", cut.signal);
        doing.stream = `reads ${response.status}`;
        if (response.ok) await this.read(response.body, cut);
        else await refused(response, this);
      } catch {
        counts.breaks++;
      }
      doing.stream = "has ended";
      cut.abort();
      stopped.removeEventListener("abort", stop);
      await sleep(150 * random());
    }
  }

  async read(body, cut) {
    let left = chance(0.8) ? 1 + random() * 30000 : Infinity;
    let text = "";
    const ids = new Set();
    for await (const piece of body.pipeThrough(new TextDecoderStream())) {
      text += piece.slice(0, left);
      left -= piece.length;
      const whole = text.split("\n\n");
      text = whole.pop();
      for (const one of whole) if (!this.event(one, ids)) return;
      if (left <= 0) {
        counts.cuts++;
        cut.abort();
        return;
      }
    }
  }

  // Takes an event. Returns whether to go on.
  event(text, ids) {
    const fields = Object.fromEntries(text.split("\n").map((line) => {
      const [, name, value] = /^([^:]*):? ?(.*)$/.exec(line);
      return [name, value];
    }));
    if (fields.id && ids.has(fields.id)) fail(`two events with the id ${fields.id}`);
    ids.add(fields.id);
    // What has happened before the stream was open is pulled.
    if (fields.event === "ready") this.events.next("RESYNC");
    if (fields.event === "resync") this.begin_anew();
    if (fields.event === "put" || fields.event === "delete") {
      counts.events++;
      const documents = [documentOf(JSON.parse(fields.data))];
      this.events.next({ documents, checkpoint: { cursor: fields.id } });
    }
    return fields.event !== "bye" && fields.event !== "resync";
  }

  async cancel() {
    this.stopped.abort();
    doing.replica = "cancels";
    await this.replication.cancel();
    doing.replica = "waits for its stream";
    await this.streaming;
    doing.replica = "is cancelled";
  }

  async has(key) {
    return await this.collection.findOne(key).exec() !== null;
  }
}

await begun;
let replica = await new Replica().start();
while (last === undefined || !await replica.has(`task/${last}`)) {
  await sleep(20);
  if (replica.is_outdated) {
    counts.resyncs++;
    await replica.cancel();
    await replica.database.remove();
    replica = await new Replica().start();
  } else if (chance(0.01)) {
    // Ends, and goes on from the checkpoint that is stored.
    counts.restarts++;
    await replica.cancel();
    replica.replicate();
  }
}
await replica.replication.awaitInSync();
const documents = await replica.collection.find().exec();
const copy = documents.map(({ key, text }) => [key, text]);
process.stdout.write(`${JSON.stringify({ copy, counts })}\n`, () => process.exit(0));
