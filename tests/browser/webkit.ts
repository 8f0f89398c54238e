// A page of WebKit, Safari's engine: webkit_page.py on a screen of its own. (Playwright drives no
// WebKit but one of its own make, which it would download.)

import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { expect, rootDir } from './fixtures';
import type { Tab } from './package-page';

const PYTHON = '/usr/bin/python3'; // Debian's, which has its bindings of WebKit
const PROGRAM = path.join(rootDir, 'tests/browser/webkit_page.py');
const SCREEN = ['--auto-servernum', '--server-args=-screen 0 1280x900x24'];

/** Milliseconds from `quit` until the program is killed. */
const GRACE = 15_000;

interface Answer {
  readonly value?: string;
  readonly error?: string;
}

type Script = (argument: unknown) => unknown;

export interface WebKitOptions {
  /** The folder of what pages store: two pages with one profile are two visits. */
  readonly profile: string;
  /**
   * WebKitGTK has a SharedArrayBuffer only where it is told so, which makes an isolated page what it is
   * in Safari.
   */
  readonly sharedMemory: boolean;
}

export class WebKitPage {
  readonly #program: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  constructor({ profile, sharedMemory }: WebKitOptions) {
    this.#program = spawn('xvfb-run', [...SCREEN, PYTHON, PROGRAM, profile], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        GDK_BACKEND: 'x11',
        ...(sharedMemory && { JSC_useSharedArrayBuffer: '1' }),
      },
      detached: true, // a process group of its own, with the screen in it
    });
    this.#answers = createInterface({ input: this.#program.stdout })[Symbol.asyncIterator]();
    this.#ended = once(this.#program, 'close');
    this.#program.stdin.on('error', () => undefined); // that it has ended, the next answer tells
  }

  /** Whether this machine has what a page needs. */
  static isInstalled(): boolean {
    const bindings = 'import gi; gi.require_version("WebKit2", "4.1")';
    const probes = [spawnSync(PYTHON, ['-c', bindings]), spawnSync('xvfb-run', ['--help'])];
    return probes.every(({ status }) => status === 0);
  }

  readonly tab = {
    goto: (url: string) => this.#command({ open: url }),
    evaluate: (script: Script, argument?: unknown) => this.#evaluate(script, argument),
    waitForFunction: (script: Script, argument?: unknown) =>
      expect.poll(() => this.#evaluate(script, argument)).toBeTruthy(),
  } as unknown as Tab;

  async quit(): Promise<void> {
    const { pid } = this.#program;
    const kill = () => {
      try {
        if (pid) process.kill(-pid, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    const timer = setTimeout(kill, GRACE);
    this.#program.stdin.end();
    await this.#ended;
    clearTimeout(timer);
  }

  /** What goes in and comes out travels as JSON. */
  async #evaluate(script: Script, argument: unknown): Promise<unknown> {
    const value = await this.#command({
      call: `const result = await (${script})(JSON.parse(argument).argument);
        return JSON.stringify({ result });`,
      argument: JSON.stringify({ argument }),
    });
    return (JSON.parse(value ?? '') as { result?: unknown }).result;
  }

  async #command(command: object): Promise<string | undefined> {
    this.#program.stdin.write(`${JSON.stringify(command)}\n`);
    const { value: line, done } = await this.#answers.next();
    if (done) throw new Error('webkit_page.py has ended.');
    const { value, error } = JSON.parse(line) as Answer;
    if (error !== undefined) throw new Error(`WebKit: ${error}`);
    return value;
  }
}
