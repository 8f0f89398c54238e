// Runs one wasm test program in Node: node run_in_node.mjs PROGRAM.mjs [Catch2 arguments…]
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { listTestData } from './test_data.mjs';
import { runProgram } from './run_program.mjs';

const [program, ...programArguments] = process.argv.slice(2);
if (!program) {
  console.error('usage: node tests/wasm/run_in_node.mjs PROGRAM.mjs [Catch2 arguments…]');
  process.exit(2);
}

const { default: createModule } = await import(pathToFileURL(path.resolve(program)).href);
const files = (await listTestData()).map((name) => ({ name, read: () => readFile(name) }));
process.exitCode = await runProgram(createModule, files, programArguments, console.log);
