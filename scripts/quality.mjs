// `npm run quality -- --json FILE …`: sets the machine up, builds the native tool (and the page's
// package for --chromium), and runs scripts/quality.py with these arguments.
import { spawn } from 'node:child_process';
import { buildDemo, buildPreset, installPython, PYTHON, setUp } from './lib/build.mjs';
import { ROOT } from './lib/command.mjs';

/** With the terminal's own streams, so that progress shows as it comes and ^C reaches it. */
function runAttached(command) {
  return new Promise((resolve, reject) => {
    const child = spawn(command[0], command.slice(1), { cwd: ROOT, stdio: 'inherit' });
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? 1));
  });
}

async function main(options) {
  if (options.some((option) => ['--help', '-h'].includes(option))) {
    return runAttached(['python3', 'scripts/quality.py', '--help']);
  }
  await setUp();
  if (options.includes('--plot')) await installPython('quality');
  const measures = !options.includes('--from-json');
  if (measures && options.includes('--chromium')) await buildDemo();
  else if (measures) await buildPreset('native', ['halfling']);
  return runAttached([PYTHON, 'scripts/quality.py', ...options]);
}

process.exitCode = await main(process.argv.slice(2)).catch((error) => {
  console.error(`npm run quality: ${error.message}`);
  return 1;
});
