// node --experimental-wasm-relaxed-simd teach_points.mjs movenet_lightning_int8.tflite LITERT - joints, for teachers.py
// LITERT is an installed @litertjs/core.  stdin: crops of 192x192x3 bytes, RGB; stdout: a line of JSON each, 17 x (y, x, score)
// in 0..1.
import fs from 'fs';
import path from 'path';
import vm from 'vm';
import { createRequire } from 'module';

const [model, folder] = process.argv.slice(2);
const BYTES = 192 * 192 * 3;

// The package is made for browsers' workers: this gives it what it looks for there.
async function runtime() {
  const base = path.resolve(folder) + '/';
  Object.assign(globalThis, {
    self: globalThis,
    require: createRequire(import.meta.url),
    __dirname: base + 'wasm',
    __filename: base + 'wasm/x.js',
    importScripts: (url) => vm.runInThisContext(
      fs.readFileSync(url, 'utf8') + '\n;globalThis.ModuleFactory=ModuleFactory;', { filename: url }),
    Module: {
      wasmBinary: fs.readFileSync(base + 'wasm/litert_wasm_internal.wasm'),
      locateFile: (f) => base + 'wasm/' + f,
    },
  });
  console.log = console.info = console.warn = console.error = () => {}; // stdout is ours
  const litert = await import(base + 'dist/index.js');
  await litert.loadLiteRt(base + 'wasm/litert_wasm_internal.js');
  delete globalThis.importScripts;
  return litert;
}

const litert = await runtime();
const net = await litert.loadAndCompile(new Uint8Array(fs.readFileSync(model)), { accelerator: 'wasm' });
const crop = new Uint8Array(BYTES);
let filled = 0;
for await (const chunk of process.stdin) {
  for (let at = 0; at < chunk.length;) {
    const n = Math.min(BYTES - filled, chunk.length - at);
    crop.set(chunk.subarray(at, at + n), filled);
    filled += n; at += n;
    if (filled < BYTES) continue;
    filled = 0;
    const input = new litert.Tensor(crop.slice(), [1, 192, 192, 3]);
    const [output] = await net.run([input]);
    const d = output.toTypedArray ? output.toTypedArray() : await output.data();
    process.stdout.write(JSON.stringify(Array.from(d, (v) => +v.toFixed(4))) + '\n');
    output.delete();
    if (input.delete) input.delete();
  }
}
process.exit(0);
