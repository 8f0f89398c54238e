// Calls to a worker whose script is a message port's other end.

import { expose } from 'comlink';
import { afterEach, expect, it, vi } from 'vitest';

import type { Reply } from '../src/protocol.js';
import { WorkerConnection } from '../src/worker-connection.js';

afterEach(() => vi.unstubAllGlobals());

/** A worker that answers every rank() with `reply`. */
function connect(reply: Reply<unknown>) {
  const { port1, port2 } = new MessageChannel();
  const terminate = vi.fn(() => port1.close());
  const Worker = function () {
    port1.start();
    return Object.assign(port1, { terminate });
  };
  vi.stubGlobal('Worker', Worker);
  expose({ rank: () => reply }, port2);
  const connection = new WorkerConnection({ threaded: false, url: undefined });
  const rank = () => connection.call((api) => api.rank({} as never));
  return { connection, rank, terminate };
}

it('ends the worker whose engine has stopped, and tells of it once', async () => {
  const stopped = { code: 'engine-stopped', message: 'It trapped.' } as const;
  const { connection, rank, terminate } = connect({ ok: false, ...stopped });
  const onClose = vi.fn();
  connection.onClose(onClose);
  const [first, second] = [rank(), rank()];
  await expect(first).rejects.toMatchObject(stopped);
  await expect(second).rejects.toMatchObject(stopped);
  await expect(rank()).rejects.toMatchObject(stopped);
  expect(terminate).toHaveBeenCalledTimes(1);
  expect(onClose).toHaveBeenCalledTimes(1);
  expect(onClose).toHaveBeenCalledWith(expect.objectContaining(stopped));
});

it('goes on after any other failure', async () => {
  const refused = { code: 'invalid-request', message: 'No.' } as const;
  const { connection, rank, terminate } = connect({ ok: false, ...refused });
  await expect(rank()).rejects.toMatchObject(refused);
  await expect(rank()).rejects.toMatchObject(refused);
  expect(terminate).not.toHaveBeenCalled();
  connection.close({ code: 'disposed', message: 'Done.' });
});
