// What Node's and Chromium's runners share: load a test program, give it its data, call main().

/**
 * @param createModule the program's Emscripten factory
 * @param {{name: string, read: () => Promise<Uint8Array>}[]} files copied to /name
 * @param {string[]} programArguments passed to the program
 * @param {(line: string) => void} print takes each line of output
 * @returns {Promise<number>} the exit code
 */
export async function runProgram(createModule, files, programArguments, print) {
  const module = await createModule({ print, printErr: print });
  for (const { name, read } of files) {
    const folder = name.slice(0, name.lastIndexOf('/'));
    module.FS.mkdirTree(`/${folder}`);
    module.FS.writeFile(`/${name}`, await read());
  }
  if (files.length > 0) module.FS.chdir('/');
  return module.callMain(programArguments);
}
