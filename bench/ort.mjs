// bench/ort.mjs - one model in ONNX Runtime: node ort.mjs MODEL THREADS RUNS [NAME=1x3x640x640]...
// Prints {"min_ms","median_ms","p99_ms","runs","peak_rss_mb"}.  $ORT_DIR holds node_modules/onnxruntime-node.
import { createRequire } from 'module';

const require = createRequire((process.env.ORT_DIR || '.cache/ort') + '/package.json');
const ort = require('onnxruntime-node');
const [model, threads, runs, ...shapes] = process.argv.slice(2);

const session = await ort.InferenceSession.create(model, {
    executionProviders: ['cpu'], graphOptimizationLevel: 'all', logSeverityLevel: 3,
    intraOpNumThreads: +threads, interOpNumThreads: 1,
    extra: { session: { set_denormal_as_zero: '1' } },
});
const bound = Object.fromEntries(shapes.map((s) => s.split('=')));
const feeds = {};
for (const input of session.inputMetadata) {
    const dims = bound[input.name] ? bound[input.name].split('x').map(Number) : input.shape.map((d) => (typeof d === 'number' ? d : 1));
    const n = dims.reduce((a, b) => a * b, 1);
    let seed = 1;
    const data = Float32Array.from({ length: n }, () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 4294967296);
    feeds[input.name] = new ort.Tensor('float32', data, dims);
}
for (let i = 0; i < 3; i++) await session.run(feeds);
const ms = [];
for (let i = 0; i < +runs; i++) {
    const t = process.hrtime.bigint();
    await session.run(feeds);
    ms.push(Number(process.hrtime.bigint() - t) / 1e6);
}
ms.sort((a, b) => a - b);
console.log(JSON.stringify({ min_ms: ms[0], median_ms: ms[ms.length >> 1], p99_ms: ms[Math.min(ms.length - 1, Math.floor(ms.length * 0.99))],
    runs: ms.length, peak_rss_mb: process.resourceUsage().maxRSS / 1024 }));
