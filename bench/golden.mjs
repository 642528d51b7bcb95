// bench/golden.mjs - Poise's outputs beside ONNX Runtime's, on the same random input.
//
//   node bench/golden.mjs [-s seed] [-e 1e-4] [-p precision] [--shape NAME=1x3x640x640]... MODEL.onnx...
//
// Floats are uniform in [0, 1), integers 0.  Errors are given as they are and relative to the output's largest magnitude;
// exit code 1 when the second exceeds -e anywhere, or an output is missing or has another shape.
import fs from 'fs';
import { createRequire } from 'module';
import os from 'os';
import path from 'path';
import { ortDir, poise, run } from './engines.mjs';
import { arrayOf, readNpy, writeNpy } from './npy.mjs';

const o = { '-s': '1', '-e': '1e-4', '-p': 'exact' }, shapes = [], models = [], args = process.argv.slice(2);
while (args.length) {
    const a = args.shift();
    if (a in o && args.length) o[a] = args.shift();
    else if (a === '--shape' && args.length) shapes.push('--shape', args.shift());
    else models.push(a);
}
if (!models.length || models.some((m) => m.startsWith('-'))) {
    console.error('usage: node bench/golden.mjs [-s seed] [-e tolerance] [-p precision] [--shape NAME=1x3x640x640]... MODEL.onnx...');
    process.exit(2);
}
const ort = createRequire(path.resolve(ortDir, 'package.json'))('onnxruntime-node');
const names = { f32: 'float32', f64: 'float64', i32: 'int32', i64: 'int64', u8: 'uint8', i8: 'int8', bool: 'bool', f16: 'float16' };
let seed = 0;
const uniform = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 4294967296;

function randomInput({ type, shape }) {
    const data = new (arrayOf(names[type]))(shape.reduce((a, b) => a * b, 1));
    if (type === 'f32' || type === 'f64') data.forEach((_, i) => (data[i] = uniform()));
    return { type: names[type], shape, data };
}

// Largest magnitude of b, largest and mean difference of a from it; NaN and infinity must meet their like.
function difference(a, b) {
    let largest = 0, most = 0, sum = 0;
    for (let i = 0; i < b.length; i++) {
        const x = Number(a[i]), y = Number(b[i]), d = Object.is(x, y) || x === y ? 0 : Math.abs(x - y);
        largest = Math.max(largest, Number.isFinite(y) ? Math.abs(y) : 0);
        most = Number.isNaN(d) ? Infinity : Math.max(most, d);
        sum += d;
    }
    return { largest, most, mean: sum / (b.length || 1), relative: most / (largest || 1) };
}

async function compare(model, dir) {
    seed = Number(o['-s']) >>> 0; // the same for a model, whichever come before it
    const info = JSON.parse(run(poise, ['info', model, ...shapes, '--json'])), feeds = {}, given = [];
    for (const i of info.inputs) {
        const t = randomInput(i), file = path.join(dir, `in${given.length}.npy`);
        feeds[i.name] = new ort.Tensor(t.type, t.data, t.shape);
        writeNpy(file, t);
        given.push('-i', `${i.name}=${file}`);
    }
    run(poise, ['run', model, ...shapes, ...given, '-o', path.join(dir, 'out'), ...(o['-p'] === 'exact' ? [] : ['--precision', o['-p']])]);
    const session = await ort.InferenceSession.create(model, { executionProviders: ['cpu'], logSeverityLevel: 3 });
    let good = true;
    for (const [name, want] of Object.entries(await session.run(feeds))) {
        const file = path.join(dir, 'out', name.replaceAll('/', '_') + '.npy');
        const got = fs.existsSync(file) ? readNpy(file) : null, same = got && got.shape.join('x') === want.dims.join('x');
        const d = same ? difference(got.data, want.data) : null, ok = d && d.relative <= Number(o['-e']);
        good &&= ok;
        console.log(`| ${path.basename(model)} | ${name} | ${want.dims.join('x')} | ` + (d
            ? `${d.largest.toPrecision(4)} | ${d.most.toExponential(2)} | ${d.relative.toExponential(2)} | ${d.mean.toExponential(2)} | ${ok ? 'ok' : 'TOO FAR'} |`
            : `- | - | - | - | ${got ? 'has shape ' + got.shape.join('x') : 'is missing'} |`));
    }
    return good;
}

console.log('| model | output | shape | largest | largest error | relative to the largest | mean error | |');
console.log('|---|---|---|--:|--:|--:|--:|---|');
let good = true;
for (const m of models) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'poise-golden-'));
    try {
        good = (await compare(m, dir)) && good;
    } catch (e) {
        console.error(`${m}: ${e.message}`);
        good = false;
    } finally {
        fs.rmSync(dir, { recursive: true });
    }
}
process.exitCode = good ? 0 : 1;
