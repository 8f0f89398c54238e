// A real HTTP server on a free port that answers each path with what a test put there.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  readonly body: string | Uint8Array;
  readonly type?: string;
  readonly status?: number;
  /** Close the connection after this many bytes. */
  readonly breakAfter?: number;
}

export class FileServer {
  readonly requests: string[] = [];
  /** Each request's Cache-Control: what it wants of the HTTP cache. */
  readonly cacheControls: (string | undefined)[] = [];
  readonly #answers = new Map<string, Answer[]>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url ?? '/';
      this.requests.push(path);
      this.cacheControls.push(request.headers['cache-control']);
      const answers = this.#answers.get(path) ?? [{ body: 'nothing here', status: 404 }];
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) as Answer;
      const body = Buffer.from(answer.body);
      response.writeHead(answer.status ?? 200, {
        'content-type': answer.type ?? 'application/octet-stream',
        'content-length': body.length,
      });
      if (answer.breakAfter === undefined) response.end(body);
      else response.write(body.subarray(0, answer.breakAfter), () => response.destroy());
    });
  }

  static async start(): Promise<FileServer> {
    const server = new FileServer();
    await new Promise<void>((ready) => server.#server.listen(0, '127.0.0.1', ready));
    return server;
  }

  /** Answers `path` with each of `answers` in turn, then with the last for ever. */
  put(path: string, ...answers: Answer[]): string {
    this.#answers.set(path, answers);
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${path}`;
  }

  /** How the requests for `path` were to be cached, in their order. */
  cachingOf(path: string): (string | undefined)[] {
    return this.cacheControls.filter((_, i) => this.requests[i] === path);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
