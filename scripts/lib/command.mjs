// Runs one command: its output is shown as it comes, and kept for counting tests.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root: every command runs there. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** From a program's end until its output counts as whole: what it left running may hold it open. */
const DRAIN_MS = 2000;

/**
 * @param {string[]} command program and arguments
 * @param {{quiet?: boolean, env?: Record<string, string>, limit?: number}} [options] quiet: show output
 *   on failure; limit: milliseconds after which the program is killed
 * @returns {Promise<{code: number, output: string}>} the exit code; stdout and stderr together
 */
export function runCommand(command, { quiet = false, env = {}, limit } = {}) {
  return new Promise((resolve, reject) => {
    const [program, ...programArguments] = command;
    const child = spawn(program, programArguments, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(limit && { timeout: limit, killSignal: 'SIGKILL' }),
    });
    const chunks = [];
    const streams = [child.stdout, child.stderr];
    for (const stream of streams) {
      stream.on('data', (chunk) => {
        chunks.push(chunk);
        if (!quiet) process.stdout.write(chunk);
      });
    }
    child.on('error', (error) => {
      reject(new Error(`cannot start '${program}': ${error.message}`));
    });
    let draining;
    child.on('exit', () => {
      draining = setTimeout(() => streams.forEach((stream) => stream.destroy()), DRAIN_MS);
    });
    child.on('close', (code, signal) => {
      clearTimeout(draining);
      const output = Buffer.concat(chunks).toString('utf8');
      const status = code ?? 1;
      if (quiet && status !== 0) process.stdout.write(output);
      if (signal) process.stdout.write(`${program} was ended by ${signal}\n`);
      resolve({ code: status, output });
    });
  });
}

/** As runCommand, but a non-zero exit code is an error that names the command. */
export async function mustRun(command, options) {
  const result = await runCommand(command, options);
  if (result.code !== 0) {
    throw new Error(`'${command.join(' ')}' failed with exit code ${result.code}`);
  }
  return result;
}

/** @returns {string} "1 min 5 s" since a Date.now() */
export function elapsed(since) {
  const seconds = Math.round((Date.now() - since) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
