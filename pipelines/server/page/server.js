// Requests to the server, and the reasons why they fail.

// Characters of a token that the header of a WebSocket can carry.
const TOKEN = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/;
const MOST_TRIES = 5;
const UNAUTHORIZED = 401, UPGRADE_REQUIRED = 426, UNAVAILABLE = 503;

export class ServerError extends Error {
  // `status`: of HTTP; 0: no answer.
  constructor(status, text, retry_s = 0) {
    super(text);
    this.status = status;
    this.retry_s = retry_s;
  }

  get needsToken() {
    return this.status === UNAUTHORIZED;
  }
}

// Rate of the latency that /v1/models gives for a model of any rate.
const USUAL_RATE_HZ = 48000;

// Returns the latency of a model in a session.
export function latency_ms(model, rate_hz) {
  return model.sample_rate ? model.latency_ms : model.latency_ms * USUAL_RATE_HZ / rate_hz;
}

export const gone = () => new ServerError(0, 'The server does not answer. Is it running?');

export class Server {
  constructor() {
    this.token = sessionStorage.getItem('token') || '';
  }

  // Throws ServerError if no WebSocket can carry the token.
  setToken(token) {
    if (!TOKEN.test(token))
      throw new ServerError(UNAUTHORIZED, 'A browser cannot send this token. It may contain letters, ' +
        'digits and the characters ! # $ % & \' * + - . ^ _ ` | ~');
    this.token = token;
    sessionStorage.setItem('token', token);
  }

  async request(path) {
    const headers = this.token ? {Authorization: `Bearer ${this.token}`} : {};
    let response, body;
    try {
      response = await fetch(path, {headers});
      body = await response.json();
    } catch {
      throw response ? new ServerError(response.status, `The server answered ${response.status}.`) : gone();
    }
    if (response.ok) return body;
    if (response.status === UNAUTHORIZED)
      throw new ServerError(UNAUTHORIZED, this.token ? 'The server does not accept this token.' :
        'The server needs a token.');
    throw new ServerError(response.status, body.error, Number(response.headers.get('Retry-After')));
  }

  async models() {
    return (await this.request('v1/models')).models;
  }

  // Opens a WebSocket. `query`: model, format, rate, channels.
  connect(query) {
    const url = new URL(`v1/live?${new URLSearchParams(query)}`, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const protocols = this.token ? ['torchstreamer', `bearer.${this.token}`] : ['torchstreamer'];
    return new WebSocket(url, protocols);
  }

  // Returns the reason why a WebSocket did not open: browsers hide it, so an ordinary request asks.
  async explain(query) {
    try {
      await this.request(`v1/live?${new URLSearchParams(query)}`);
    } catch (error) {
      if (error.status !== UPGRADE_REQUIRED) return error;
    }
    return new ServerError(UPGRADE_REQUIRED, 'The server is there, but its WebSocket does not open. ' +
      'Does a proxy in between pass WebSockets?');
  }

  // Returns the reason why an open WebSocket was closed.
  async explainClose() {
    try {
      await this.request('healthz');
    } catch (error) {
      if (error.status === 0)
        return new ServerError(0, 'The server has gone. What has arrived can be played and downloaded.');
    }
    return new ServerError(UNAVAILABLE, 'The connection to the server broke. What has arrived can be ' +
      'played and downloaded.');
  }
}

// Calls `open` again while the server is busy; `wait_s` returns false to give up.
export async function retryWhileBusy(open, wait_s) {
  for (let tries = 1;; ++tries) {
    try {
      return await open();
    } catch (error) {
      if (error.status !== UNAVAILABLE || !error.retry_s || tries === MOST_TRIES) throw error;
      if (!await wait_s(error.retry_s)) throw error;
    }
  }
}
