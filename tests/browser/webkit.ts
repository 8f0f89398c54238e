// A page of WebKit, Safari's engine: webkit_page.py on a screen of its own. (Playwright drives no
// WebKit but one of its own make, which it would download.)

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { rootDir } from './fixtures';
import type { Tab } from './package-page';

const PYTHON = '/usr/bin/python3'; // Debian's, which has its bindings of WebKit
const PROGRAM = path.join(rootDir, 'tests/browser/webkit_page.py');

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
  readonly #screen: ChildProcess;
  readonly #program: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;

  private constructor(screen: ChildProcess, program: ChildProcess) {
    this.#screen = screen;
    this.#program = program;
    const lines = createInterface({ input: program.stdout as Readable });
    this.#answers = lines[Symbol.asyncIterator]();
    this.#ended = once(program, 'exit');
    program.stdin?.on('error', () => undefined); // that it has ended, the next answer tells
  }

  /** Whether this machine has what `start` needs. */
  static isInstalled(): boolean {
    const bindings = 'import gi; gi.require_version("WebKit2", "4.1")';
    const probes = [spawnSync(PYTHON, ['-c', bindings]), spawnSync('Xvfb', ['-help'])];
    return probes.every(({ status }) => status === 0);
  }

  static async start({ profile, sharedMemory }: WebKitOptions): Promise<WebKitPage> {
    const { screen, display } = await startScreen();
    const program = spawn(PYTHON, [PROGRAM, profile], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: {
        ...process.env,
        DISPLAY: display,
        GDK_BACKEND: 'x11',
        ...(sharedMemory && { JSC_useSharedArrayBuffer: '1' }),
      },
    });
    return new WebKitPage(screen, program);
  }

  readonly tab = {
    goto: (url: string) => this.#command({ open: url }),
    evaluate: (script: Script, argument?: unknown) => this.#evaluate(script, argument),
    waitForFunction: async (script: Script, argument?: unknown) => {
      while (!(await this.#evaluate(script, argument))) await delay(50);
    },
  } as unknown as Tab;

  async quit(): Promise<void> {
    this.#program.stdin?.end();
    try {
      await this.#ended;
    } finally {
      this.#screen.kill();
    }
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
    (this.#program.stdin as Writable).write(`${JSON.stringify(command)}\n`);
    const { value: line, done } = await this.#answers.next();
    if (done) throw new Error('webkit_page.py has ended.');
    const { value, error } = JSON.parse(line) as Answer;
    if (error !== undefined) throw new Error(`WebKit: ${error}`);
    return value;
  }
}

const delay = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** A screen in memory; X itself picks a display that is free, and says which. */
async function startScreen(): Promise<{ screen: ChildProcess; display: string }> {
  const screen = spawn(
    'Xvfb',
    ['-displayfd', '3', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'],
    { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] },
  );
  const number = await new Promise<string>((resolve, reject) => {
    (screen.stdio[3] as Readable).once('data', (digits: Buffer) => resolve(String(digits).trim()));
    screen.once('error', reject);
    screen.once('exit', (code) => reject(new Error(`Xvfb has ended (${code})`)));
  });
  return { screen, display: `:${number}` };
}
