// bench/peers.mjs - Poise and others in turn on the same networks, so that all see the same noise.
//
//   node bench/peers.mjs [-t 1] [-r 20] [-n 3] [-e poise,onnx-runtime] [-s] [-o bench/results/NAME] MODEL.onnx...
//
// -t threads, -r timed runs in each round, -n rounds (one process of each engine per round), -e only these engines, -s no
// shapes, -o writes NAME.md and NAME.svg.  Minimum over all rounds, median of the rounds' medians and p99; peak RSS is that
// of the whole process.  $POISE names the command, $ORT_DIR the folder of node_modules/onnxruntime-node,
// $BENCH_PREFIX what to put before every measured process (taskset -c 1).
import fs from 'fs';
import os from 'os';
import path from 'path';
import { barChart } from './chart.mjs';
import { engines } from './engines.mjs';
import { absent, compare, libraries } from './shapes.mjs';

const o = { threads: '1', runs: '20', rounds: 3, engines: null, shapes: true, out: '' }, models = [], args = process.argv.slice(2);
const take = { '-t': (v) => (o.threads = v), '-r': (v) => (o.runs = v), '-n': (v) => (o.rounds = +v), '-e': (v) => (o.engines = v.split(',')), '-o': (v) => (o.out = v) };
while (args.length) {
    const a = args.shift();
    if (a === '-s') o.shapes = false;
    else if (take[a] && args.length) take[a](args.shift());
    else models.push(a);
}
if (!models.length || models.some((m) => m.startsWith('-')) || !(o.rounds >= 1)) {
    console.error('usage: node bench/peers.mjs [-t threads] [-r runs] [-n rounds] [-e engine,...] [-s] [-o NAME] MODEL.onnx...');
    process.exit(2);
}
const lines = [], say = (s) => { console.log(s); lines.push(s); };
const median = (a) => [...a].sort((x, y) => x - y)[a.length >> 1];
const title = (m) => path.basename(m, '.onnx');

const all = engines(o, models[0]), here = all.filter((e) => !e.absent);
say(`# ${new Date().toISOString().slice(0, 10)}, ${os.cpus()[0].model}, ${o.threads} thread(s), ${o.rounds} rounds of ${o.runs} runs, engines in turn\n`);
say(`\`node bench/peers.mjs ${process.argv.slice(2).map((a) => (a.includes('/') ? path.basename(a) : a)).join(' ')}\`\n`);
for (const e of all) if (e.absent) say(`skipped: ${e.name}: ${e.absent}\n`);

function measure(model) {
    const seen = here.map(() => []), broken = here.map(() => null);
    for (let round = 0; round < o.rounds; round++)
        here.forEach((e, i) => {
            if (broken[i]) return;
            try {
                seen[i].push(e.measure(model));
            } catch (error) {
                broken[i] = error.message;
            }
        });
    return here.map((e, i) => (broken[i] ? { broken: broken[i] } : {
        min: Math.min(...seen[i].map((r) => r.min_ms)), median: median(seen[i].map((r) => r.median_ms)),
        p99: median(seen[i].map((r) => r.p99_ms)), rss: Math.max(...seen[i].map((r) => r.peak_rss_mb)) }));
}

const yardstick = here.findIndex((e) => e.name === 'ONNX Runtime'), groups = [], notes = [];
say('| network | engine | min ms | median | p99 | speed against ONNX Runtime | peak RSS MB | of ONNX Runtime\'s |');
say('|---|---|--:|--:|--:|--:|--:|--:|');
for (const m of models) {
    const row = measure(m), base = yardstick < 0 || row[yardstick].broken ? null : row[yardstick];
    row.forEach((r, i) => {
        if (r.broken) return notes.push(`${here[i].name} does not run ${title(m)}: ${r.broken}`);
        say(`| ${title(m)} | ${here[i].name} | ${r.min.toFixed(2)} | ${r.median.toFixed(2)} | ${r.p99.toFixed(2)} | ` +
            `${base ? (base.min / r.min).toFixed(2) + 'x' : '-'} | ${r.rss.toFixed(0)} | ${base ? (r.rss / base.rss).toFixed(2) : '-'} |`);
    });
    groups.push({ name: title(m), bars: row.map((r) => (r.broken ? null : { value: base ? base.min / r.min : 1 / r.min, text: `${r.min.toFixed(r.min < 10 ? 2 : 1)} ms, ${r.rss.toFixed(0)} MB` })) });
}
say('');
for (const n of notes) say(`${n}\n`);

if (o.shapes) {
    say('Sums of least times over all convolutions or products of a network: Poise where they are in the network, with activation');
    say('and residual; the library repeats each shape with its operands in the caches, in its own layouts, without activation.\n');
    const found = libraries.filter((l) => !absent(l));
    for (const l of libraries) if (absent(l)) say(`skipped: ${l.name}: ${absent(l)}\n`);
    if (found.length) {
        say('| network | library | steps (shapes) | GFLOP | Poise ms | library ms | ratio |');
        say('|---|---|--:|--:|--:|--:|--:|');
    }
    for (const m of models)
        for (const l of found) {
            const c = compare(l, m, o);
            if (c) say(`| ${title(m)} | ${l.name} | ${c.steps} (${c.shapes}) | ${(c.flops / 1e9).toFixed(2)} | ${c.poise.toFixed(2)} | ${c.peer.toFixed(2)} | ${(c.peer / c.poise).toFixed(2)}x |`);
        }
    say('');
}
if (o.out) {
    fs.writeFileSync(o.out + '.md', lines.join('\n'));
    fs.writeFileSync(o.out + '.svg', barChart({
        title: `Speed on one file, ${o.threads} thread${o.threads === '1' ? '' : 's'}: longer is faster`,
        subtitle: `${os.cpus()[0].model}; least of ${o.rounds * +o.runs} runs, engines in turn; peak memory of the whole process`,
        unit: yardstick < 0 ? 'runs in a millisecond' : 'speed, ONNX Runtime fp32 = 1', mark: yardstick < 0 ? 0 : 1,
        series: here.map((e) => ({ name: e.name, color: e.color })), groups }));
    console.error(`${o.out}.md, ${o.out}.svg`);
}
