// bench/compare.mjs - Poise and ONNX Runtime in turn on the same files, so that both see the same noise.
//
//   node bench/compare.mjs [-t 1] [-r 20] [-n 5] [-o table.md] MODEL.onnx...
//
// -t threads, -r timed runs in each round, -n rounds (one process of each engine per round).  Minimum over all
// rounds and median of the rounds' medians; peak RSS is that of the whole process.  $POISE names the command.
import { execFileSync } from 'child_process';
import fs from 'fs';
import os from 'os';
import path from 'path';

const here = path.dirname(new URL(import.meta.url).pathname);
const options = { t: '1', r: '20', n: '5', o: '' };
const models = [];
for (let i = 2; i < process.argv.length; i++) {
    const a = process.argv[i];
    if (/^-[trno]$/.test(a)) options[a[1]] = process.argv[++i];
    else models.push(a);
}
if (!models.length) {
    console.error('usage: node bench/compare.mjs [-t threads] [-r runs] [-n rounds] [-o table.md] MODEL.onnx...');
    process.exit(2);
}
const poise = process.env.POISE || 'build/x86_64-linux-gnu/poise';
const run = (cmd, args) => JSON.parse(execFileSync(cmd, args, { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 24 }));
const engines = {
    poise: (m) => run(poise, ['bench', m, '-t', options.t, '-r', options.r, '-o', 'json'])[0],
    ort: (m) => run(process.execPath, [path.join(here, 'ort.mjs'), m, options.t, options.r]),
};
const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];

const lines = [];
const say = (s) => { console.log(s); lines.push(s); };
say(`${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model}, ${options.t} thread(s), ${options.n} rounds of ${options.r} runs, engines in turn`);
say(`\`node bench/compare.mjs -t ${options.t} -r ${options.r} -n ${options.n} ...\`\n`);
say('| network | Poise min (median) ms | ONNX Runtime min (median) ms | speed ratio of minima | peak RSS MB, Poise / ONNX Runtime |');
say('|---|---|---|---|---|');
for (const m of models) {
    const seen = { poise: [], ort: [] };
    for (let round = 0; round < +options.n; round++) for (const e of Object.keys(engines)) seen[e].push(engines[e](m));
    const min = (e) => Math.min(...seen[e].map((r) => r.min_ms)), med = (e) => median(seen[e].map((r) => r.median_ms));
    const rss = (e) => Math.max(...seen[e].map((r) => r.peak_rss_mb));
    say(`| ${path.basename(m, '.onnx')} | ${min('poise').toFixed(1)} (${med('poise').toFixed(1)}) | ${min('ort').toFixed(1)} (${med('ort').toFixed(1)}) | ` +
        `${(min('ort') / min('poise')).toFixed(2)}x | ${rss('poise').toFixed(0)} / ${rss('ort').toFixed(0)} |`);
}
if (options.o) fs.writeFileSync(options.o, lines.join('\n') + '\n');
