// Logs in with OAuth 2 libraries, each used as its documentation says.
//
//     node oauth.mjs http://ADDRESS EMAIL PASSWORD

import { deepStrictEqual as same, notStrictEqual as differ, ok, rejects } from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import simple from 'simple-oauth2';

const [url, email, password] = process.argv.slice(2);
const api = `${url}/api/v1`;
// The server has no register of clients, and takes any name.
const client_id = 'oauth.mjs';
const draft = JSON.stringify({ title: 'Ship portfolio' });
const asJson = { 'Content-Type': 'application/json' };

/** simple-oauth2, which sends its name with Basic authentication, `header`, or in the form, `body`. */
function simpleOauth2(authorizationMethod) {
  const { origin, pathname } = new URL(api);
  const config = {
    client: { id: client_id, secret: '' },
    auth: { tokenHost: origin, tokenPath: `${pathname}/auth/login`, revokePath: `${pathname}/auth/revoke` },
    options: { authorizationMethod },
  };
  const owner = new simple.ResourceOwnerPassword(config);
  return {
    name: `simple-oauth2, ${authorizationMethod}`,
    logIn: async (word, scope) => (await owner.getToken({ username: email, password: word, scope })).token,
    askAnotherGrant: () => new simple.ClientCredentials(config).getToken({}),
    async refresh(tokens) {
      const stale = owner.createToken({ ...tokens, expires_at: new Date(0) });
      ok(stale.expired());
      return (await stale.refresh()).token;
    },
    revoke: (tokens) => owner.createToken(tokens).revoke('refresh_token'),
    async ask(tokens, method, path, body) {
      const headers = { ...asJson, Authorization: `Bearer ${tokens.access_token}` };
      return (await fetch(api + path, { method, headers, body })).status;
    },
    refusal({ data: { res, payload } }) {
      return { status: res.statusCode, error: payload.error, description: payload.error_description };
    },
  };
}

/** The refusal that an error of oauth4webapi tells of, which openid-client has from there. */
function refusal(error) {
  if (error instanceof oauth.ResponseBodyError) {
    return { status: error.status, error: error.error, description: error.error_description };
  }
  // An answer with a challenge is not read further.
  ok(error instanceof oauth.WWWAuthenticateChallengeError, error);
  const [{ scheme, parameters }] = error.cause;
  same(scheme, 'bearer');
  return { status: error.status, error: parameters.error, description: parameters.error_description };
}

/** The status of an answer. One with a challenge is an error to these two. */
async function status(asked) {
  return (await asked.catch((error) => ({ status: refusal(error).status }))).status;
}

async function oauth4webapi() {
  const issuer = new URL(url);
  const insecure = { [oauth.allowInsecureRequests]: true };
  const discovery = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure });
  const server = await oauth.processDiscoveryResponse(issuer, discovery);
  const client = { client_id };
  const none = oauth.None();
  return {
    name: 'oauth4webapi',
    metadata: server,
    async logIn(word, scope) {
      const form = new URLSearchParams({ username: email, password: word, ...(scope && { scope }) });
      const answer = await oauth.genericTokenEndpointRequest(server, client, none, 'password', form, insecure);
      return oauth.processGenericTokenEndpointResponse(server, client, answer);
    },
    async askAnotherGrant() {
      const answer = await oauth.clientCredentialsGrantRequest(server, client, none, {}, insecure);
      return oauth.processClientCredentialsResponse(server, client, answer);
    },
    async refresh({ refresh_token }) {
      const answer = await oauth.refreshTokenGrantRequest(server, client, none, refresh_token, insecure);
      return oauth.processRefreshTokenResponse(server, client, answer);
    },
    async revoke({ refresh_token }) {
      const answer = await oauth.revocationRequest(server, client, none, refresh_token, insecure);
      return oauth.processRevocationResponse(answer);
    },
    ask({ access_token }, method, path, body) {
      const [at, headers] = [new URL(api + path), new Headers(asJson)];
      return status(oauth.protectedResourceRequest(access_token, method, at, headers, body, insecure));
    },
    refusal,
  };
}

async function openidClient() {
  const options = { algorithm: 'oauth2', execute: [openid.allowInsecureRequests] };
  const config = await openid.discovery(new URL(url), client_id, undefined, openid.None(), options);
  return {
    name: 'openid-client',
    metadata: config.serverMetadata(),
    logIn: (word, scope) =>
      openid.genericGrantRequest(config, 'password', { username: email, password: word, ...(scope && { scope }) }),
    askAnotherGrant: () => openid.clientCredentialsGrant(config),
    async refresh(tokens) {
      ok(tokens.expiresIn() > 0);
      return openid.refreshTokenGrant(config, tokens.refresh_token);
    },
    revoke: ({ refresh_token }) => openid.tokenRevocation(config, refresh_token, { token_type_hint: 'refresh_token' }),
    ask({ access_token }, method, path, body) {
      const [at, headers] = [new URL(api + path), new Headers(asJson)];
      return status(openid.fetchProtectedResource(config, access_token, at, method, body, headers));
    },
    refusal,
  };
}

/** Holds what the client reads of a refusal against what it should be. */
async function refused(client, status, error, asked) {
  await rejects(asked, (thrown) => {
    const { description, ...read } = client.refusal(thrown);
    same(read, { status, error });
    ok(description, `${error}: no description`);
    return true;
  });
}

/** Refreshes until an old refresh token comes. */
async function stayLoggedIn(client) {
  const first = await client.logIn(password);
  same(first.scope.split(' ').sort(), ['account', 'tasks:read', 'tasks:write']);
  same(await client.ask(first, 'GET', '/auth/me'), 200);
  const second = await client.refresh(first);
  differ(second.refresh_token, first.refresh_token);
  same(await client.ask(second, 'GET', '/auth/me'), 200);
  await client.refresh(second);
  await refused(client, 400, 'invalid_grant', client.refresh(first));
}

async function beRefused(client) {
  await refused(client, 401, 'invalid_grant', client.logIn(`${password}!`));
  await refused(client, 400, 'invalid_scope', client.logIn(password, 'tasks:nonsense'));
  await refused(client, 400, 'unsupported_grant_type', client.askAnotherGrant());
}

/** Narrows the scope, which a refresh does not widen, and gives the tokens back. */
async function readOnlyAndRevoke(client) {
  let tokens = await client.logIn(password, 'tasks:read');
  for (let time = 0; time < 2; time += 1) {
    same(tokens.scope, 'tasks:read');
    same(await client.ask(tokens, 'GET', '/tasks'), 200);
    same(await client.ask(tokens, 'POST', '/tasks', draft), 403);
    tokens = await client.refresh(tokens);
  }
  // The second time there is nothing left to revoke, which is no error.
  await client.revoke(tokens);
  await client.revoke(tokens);
  same(await client.ask(tokens, 'GET', '/tasks'), 401);
  await refused(client, 400, 'invalid_grant', client.refresh(tokens));
}

const account = JSON.stringify({ email, password });
const registered = await fetch(`${api}/auth/register`, { method: 'POST', headers: asJson, body: account });
same(registered.status, 201);
const clients = [simpleOauth2('header'), simpleOauth2('body'), await oauth4webapi(), await openidClient()];
for (const client of clients) {
  try {
    await stayLoggedIn(client);
    await beRefused(client);
    await readOnlyAndRevoke(client);
  } catch (error) {
    throw new Error(client.name, { cause: error });
  }
}
for (const { metadata } of clients.filter((client) => client.metadata)) {
  same([...metadata.grant_types_supported].sort(), ['password', 'refresh_token']);
  same([...metadata.scopes_supported].sort(), ['account', 'tasks:read', 'tasks:write']);
  same(metadata.token_endpoint_auth_methods_supported, ['none']);
  same(metadata.response_types_supported, []);
}
