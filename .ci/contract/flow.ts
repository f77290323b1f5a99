// What a person's program does with the types that openapi-typescript has made, through openapi-fetch.
//
//     node flow.js http://ADDRESS EMAIL PASSWORD

import createClient from 'openapi-fetch';
import type { components, paths } from './api.js';

// All that is used of Node, whose own types would be packages more.
declare const process: { argv: string[] };

type Problem = components['schemas']['Problem'];

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

interface Answer<T> {
  data?: T;
  error?: Problem;
  response: Response;
}

/** The answer's body, which must have come with this status. */
async function body<T>(status: number, asked: Promise<Answer<T>>): Promise<NonNullable<T>> {
  const { data, error, response } = await asked;
  check(response.status === status, `${response.url}: ${response.status} ${JSON.stringify(error)}`);
  check(data !== undefined && data !== null, `${response.url}: no body`);
  return data;
}

async function nothing(status: number, asked: Promise<Answer<unknown>>): Promise<void> {
  const { data, error, response } = await asked;
  check(response.status === status, `${response.url}: ${response.status} ${JSON.stringify(error)}`);
  check(!data, `${response.url}: ${JSON.stringify(data)}`);
}

async function refused(status: number, code: string, asked: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await asked;
  check(response.status === status, `${response.url}: ${response.status}, not ${status}`);
  check(error?.status === status && error.code === code, `${response.url}: ${JSON.stringify(error)}`);
  check(error.detail !== '' && error.request_id !== '', JSON.stringify(error));
}

const [baseUrl = '', email = '', password = ''] = process.argv.slice(2);

function client(token?: string) {
  const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl, headers });
}

/** A form, not JSON: openapi-fetch writes only the latter by itself. */
function form(fields: Record<string, string | undefined>): URLSearchParams {
  const known = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  return new URLSearchParams(known);
}

const asForm = {
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  bodySerializer: form,
};

const anybody = client();
const account = { email, password };
const user = await body(201, anybody.POST('/api/v1/auth/register', { body: account }));
check(user.email === email && user.role === 'user', JSON.stringify(user));
await refused(409, 'email_taken', anybody.POST('/api/v1/auth/register', { body: account }));

const wrong = { username: email, password: `${password}!` };
await refused(401, 'wrong_credentials', anybody.POST('/api/v1/auth/login', { body: wrong, ...asForm }));
const right = { grant_type: 'password', username: email, password } as const;
const first = await body(200, anybody.POST('/api/v1/auth/login', { body: right, ...asForm }));
const refresh = { grant_type: 'refresh_token', refresh_token: first.refresh_token } as const;
const second = await body(200, anybody.POST('/api/v1/auth/refresh', { body: refresh, ...asForm }));
check(second.refresh_token !== first.refresh_token, 'the refresh token stays');
const jane = client(second.access_token);
const me = await body(200, jane.GET('/api/v1/auth/me'));
check(me.id === user.id, JSON.stringify(me));
await refused(401, 'invalid_token', client('nonsense').GET('/api/v1/auth/me'));

const draft = { title: 'Ship portfolio', description: 'Polish the README', completed: false };
const made = await jane.POST('/api/v1/tasks', { body: draft });
const task = await body(201, Promise.resolve(made));
check(made.response.headers.get('Location') === `/api/v1/tasks/${task.id}`, 'Location');
check(task.title === draft.title && task.owner_id === user.id, JSON.stringify(task));
await refused(422, 'invalid', jane.POST('/api/v1/tasks', { body: { ...draft, title: '' } }));
const listed = await jane.GET('/api/v1/tasks', { params: { query: { limit: 1, completed: false } } });
const page = await body(200, Promise.resolve(listed));
check(page.length === 1 && page[0]?.id === task.id, JSON.stringify(page));
check(listed.response.headers.get('X-Total-Count') === '1', 'X-Total-Count');
const path = { params: { path: { id: task.id } } };
const patch = { completed: true, description: null };
const changed = await body(200, jane.PATCH('/api/v1/tasks/{id}', { ...path, body: patch }));
check(changed.completed && changed.description === null, JSON.stringify(changed));

// `op` says which members an operation has, to the compiler too.
type Operation = components['schemas']['TaskOperation'];
const operations: Operation[] = [
  { op: 'create', task: { title: 'Pack', completed: false } },
  { op: 'patch', id: task.id, task: { priority: 'high' }, if_match: `"${changed.rev}"` },
  { op: 'move', id: task.id, to: 'first' },
];
// @ts-expect-error a creation has no id
operations.push({ op: 'create', id: task.id, task: { title: 'Pack', completed: false } });
operations.pop();
const { results } = await body(200, jane.POST('/api/v1/tasks/batch', { body: { operations } }));
check(results.map(({ status }) => status).join() === '201,200,200', JSON.stringify(results));
const packed = { params: { path: { id: results[0]?.task?.id ?? 0 } } };
await nothing(204, jane.DELETE('/api/v1/tasks/{id}', packed));

const wanted = { name: 'reader', scopes: ['tasks:read' as const] };
const token = await body(201, jane.POST('/api/v1/auth/tokens', { body: wanted }));
check(token.expires_at === null, JSON.stringify(token.expires_at));
const reader = client(token.token);
check((await body(200, reader.GET('/api/v1/tasks'))).length === 1, 'a token reads');
await refused(403, 'insufficient_scope', reader.POST('/api/v1/tasks', { body: draft }));
await refused(403, 'insufficient_scope', reader.DELETE('/api/v1/tasks/{id}', path));

await nothing(204, jane.DELETE('/api/v1/tasks/{id}', path));
await refused(404, 'not_found', jane.GET('/api/v1/tasks/{id}', path));

const sessions = await body(200, jane.GET('/api/v1/auth/sessions'));
check(sessions.length === 1 && sessions[0]?.current === true, JSON.stringify(sessions));
const lines = await body(200, jane.GET('/api/v1/auth/me/export', { parseAs: 'text' }));
check(lines.split('\n').length >= 4, lines);
await nothing(204, jane.POST('/api/v1/auth/logout'));
await refused(401, 'invalid_token', jane.GET('/api/v1/auth/me'));
await refused(400, 'invalid_grant', anybody.POST('/api/v1/auth/refresh', { body: refresh, ...asForm }));
