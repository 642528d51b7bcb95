// bench/shapes.mjs - the convolutions and products of a network, each shape once, in Poise and in libraries that have
// nothing else: oneDNN's convolutions, OpenBLAS's sgemm.
import fs from 'fs';
import path from 'path';
import { poise, timed } from './engines.mjs';

const numbers = (s) => s.split('x').map(Number);
const product = (a) => a.reduce((x, y) => x * y, 1);

// "n c h w o oh ow kh kw sh sw top left bottom right dh dw groups" as peer_dnnl reads it.
function convolution(l) {
    const p = /^(\d+)x(\d+) s(\d+)(?:x(\d+))? p([\d,]+)(?: d(\d+)x(\d+))?(?: g(\d+))?/.exec(l.params);
    const pad = p[5].split(',').map(Number), [top, left, bottom, right] = pad.length === 4 ? pad : [pad[0], pad[0], pad[0], pad[0]];
    const [, o, oh, ow] = numbers(l.output);
    return [...numbers(l.input), o, oh, ow, p[1], p[2], p[3], p[4] || p[3], top, left, bottom, right, p[6] || 1, p[7] || 1, p[8] || 1].join(' ');
}

// "m n k" of a 1x1 convolution or a product with one matrix; null for other steps.
function matrix(l) {
    const out = numbers(l.output), inp = numbers(l.input);
    if (l.op === 'conv' && /^1x1 s1 p0(?! g| d)/.test(l.params)) return [product(out) / out[1], out[1], inp[1]].join(' ');
    if (l.op !== 'matmul' || !l.second || numbers(l.second).length !== 2 || /^a'/.test(l.params)) return null;
    const n = out[out.length - 1], k = inp[inp.length - 1];
    return [product(out) / n, n, k].join(' ');
}

export const libraries = [
    { name: 'oneDNN convolutions', program: 'peer_dnnl', need: 'libdnnl-dev (version 2)', env: (t) => ({ OMP_NUM_THREADS: t }),
      shape: (l) => (l.op === 'conv' && numbers(l.input).length === 4 ? convolution(l) : null) },
    { name: 'OpenBLAS sgemm', program: 'peer_sgemm', need: 'libopenblas-dev', env: (t) => ({ OPENBLAS_NUM_THREADS: t, OMP_NUM_THREADS: t }), shape: matrix },
];

const programOf = (library) => path.join(path.dirname(poise), library.program);
export const absent = (library) => (fs.existsSync(programOf(library)) ? null : `${library.need} is not installed, or make bench-peers was not run`);

// The sums of least times over all steps that have such a shape: {steps, shapes, flops, poise, peer} in ms, null when no
// step has.  Steps of Poise are timed where they are in the network, with bias, activation and residual; the library
// repeats one call with its operands in the caches.
export function compare(library, model, o) {
    const ours = new Map(); // shape -> {steps, ms of one}
    let theirs = null;
    for (let round = 0; round < o.rounds; round++) {
        const layers = JSON.parse(timed(poise, ['bench', model, '-t', o.threads, '-r', o.runs, '--layers', '-o', 'json']))[0].layers;
        const seen = new Map();
        for (const l of layers) {
            const shape = library.shape(l);
            if (!shape) continue;
            const s = seen.get(shape) || { steps: 0, ms: 0, flops: 0 };
            seen.set(shape, { steps: s.steps + 1, ms: s.ms + l.min_ms, flops: s.flops + l.gflops * l.min_ms * 1e6 });
        }
        if (!seen.size) return null;
        for (const [shape, s] of seen) ours.set(shape, { ...s, ms: Math.min(s.ms, ours.get(shape)?.ms ?? Infinity) });
        const shapes = [...seen.keys()], ms = timed(programOf(library), [], library.env(o.threads), shapes.join('\n') + '\n').trim().split('\n').map(Number);
        theirs = shapes.map((_, i) => Math.min(ms[i] < 0 ? Infinity : ms[i], theirs?.[i] ?? Infinity));
    }
    const rows = [...ours.values()];
    return { shapes: rows.length, steps: rows.reduce((a, r) => a + r.steps, 0), flops: rows.reduce((a, r) => a + r.flops, 0),
        poise: rows.reduce((a, r) => a + r.ms, 0), peer: rows.reduce((a, r, i) => a + r.steps * theirs[i], 0) };
}
