// bench/engines.mjs - who can run a network here, and how: one process for every measurement.
import { spawnSync } from 'child_process';
import path from 'path';
import fs from 'fs';

const here = path.dirname(new URL(import.meta.url).pathname);
export const poise = process.env.POISE || 'build/x86_64-linux-gnu/poise';
export const ortDir = process.env.ORT_DIR || '.cache/ort';

// What a program prints, as JSON; an Error with its last line of complaint when it fails.
export function run(cmd, args, env = {}, input = undefined) {
    const r = spawnSync(cmd, args, { encoding: 'utf8', input, env: { ...process.env, ...env }, maxBuffer: 1 << 26 });
    if (r.error) throw new Error(`${cmd}: ${r.error.code}`);
    if (r.status !== 0) throw new Error((r.stderr.trim().split('\n').filter(Boolean).pop() || `exit code ${r.status}`).slice(0, 200));
    return r.stdout;
}
// The same for what is measured, behind $BENCH_PREFIX ("taskset -c 1", "chrt -f 50").
const prefix = (process.env.BENCH_PREFIX || '').split(' ').filter(Boolean);
export const timed = (cmd, args, ...rest) => (prefix.length ? run(prefix[0], [...prefix.slice(1), cmd, ...args], ...rest) : run(cmd, args, ...rest));
const json = (...a) => JSON.parse(timed(...a));

// "NAME=1x3x640x640" for every input of a model.
const bindings = new Map();
function shapes(model) {
    if (!bindings.has(model)) bindings.set(model, JSON.parse(run(poise, ['info', model, '--json'])).inputs.map((i) => `${i.name}=${i.shape.join('x')}`));
    return bindings.get(model);
}

function python() { // the first python3 that has OpenCV: others may come before the system's
    for (const p of [process.env.PYTHON, 'python3', '/usr/bin/python3'])
        if (p && spawnSync(p, ['-c', 'import cv2']).status === 0) return p;
    return null;
}

const bench = (model, o, extra, env) => json(poise, ['bench', model, '-t', o.threads, '-r', o.runs, '-o', 'json', ...extra], env)[0];

// Whether Poise takes these options at all, asked with one run of a model; the reason when it does not.
function refuses(model, extra, env) {
    try {
        bench(model, { threads: '1', runs: '1' }, extra, env);
        return null;
    } catch (e) {
        return e.message;
    }
}

// [{name, color, measure(model) -> {min_ms, median_ms, p99_ms, peak_rss_mb}} or {name, absent: why}]
export function engines(o, model) {
    const isa = bench(model, { threads: '1', runs: '1' }, []).isa, cv = python();
    const ort = fs.existsSync(path.join(ortDir, 'node_modules/onnxruntime-node'));
    const capped = isa.startsWith('avx512') ? null : `the kernels in use are ${isa} already`;
    return [
        { name: 'Poise', color: '#1769aa', measure: (m) => bench(m, o, []), absent: null },
        { name: 'Poise fast', color: '#0b3d62', measure: (m) => bench(m, o, ['--precision', 'fast']), absent: refuses(model, ['--precision', 'fast']) },
        { name: 'Poise AVX2', color: '#74b3e0', measure: (m) => bench(m, o, [], { POISE_ISA: 'avx2' }), absent: capped },
        { name: 'ONNX Runtime', color: '#d9822b', measure: (m) => json(process.execPath, [path.join(here, 'ort.mjs'), m, o.threads, o.runs, ...shapes(m)]),
          absent: ort ? null : `npm install onnxruntime-node in ${ortDir} ($ORT_DIR)` },
        { name: 'OpenCV DNN', color: '#5a9e5a', measure: (m) => json(cv, [path.join(here, 'peer_opencv.py'), m, o.threads, o.runs, ...shapes(m)]),
          absent: cv ? null : 'python3-opencv is not installed' },
    ].filter((e) => !o.engines || o.engines.includes(e.name.toLowerCase().replaceAll(' ', '-')));
}
