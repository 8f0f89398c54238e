// What the licences of others ask the package to say of their software in it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const LINE = `\n\n${'-'.repeat(80)}\n\n`;

const HEAD = `The files of this folder contain software of others, under the licences below. All else in them is
under the licence of the package itself.`;

// The compiler's runtime is in no npm package, and not every toolchain comes with its licence.
const TOOLCHAIN = `Emscripten, its JavaScript runtime (MIT): in the workers' scripts
Copyright (c) 2010-2014 Emscripten authors

musl, its C library (MIT): in the wasm files
Copyright (c) 2005-2020 Rich Felker, et al.

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.`;

/** The npm packages, as folders, that these files are of. */
function packagesOf(files) {
  const folders = files.flatMap(
    (file) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [],
  );
  return [...new Set(folders)].sort();
}

async function noticeOf(folder) {
  const { name, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const text = await readFile(join(folder, 'LICENSE'), 'utf8');
  return `${name} (${license}): in the scripts\n\n${text.trim()}`;
}

/** `files` are absolute paths of all that is bundled. */
export async function thirdPartyNotices(files) {
  const notices = await Promise.all(packagesOf(files).map(noticeOf));
  return `${[HEAD, ...notices, TOOLCHAIN].join(LINE)}\n`;
}
