// bench/ranges.mjs - what every output of a model lies between, over random pictures: node ranges.mjs MODEL.onnx SIDE COUNT
// Prints {"name": [least, largest]}.  $ORT_DIR holds node_modules/onnxruntime-node.
import { createRequire } from 'module';

const require = createRequire((process.env.ORT_DIR || '.cache/ort') + '/package.json');
const ort = require('onnxruntime-node');
const [model, side, count] = process.argv.slice(2);
const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'disabled', logSeverityLevel: 4 });
const ranges = {};
let seed = 7;
for (let i = 0; i < +count; i++) {
    const pixels = Float32Array.from({ length: 3 * side * side }, () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 4294967296);
    const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', pixels, [1, 3, +side, +side]) });
    for (const [name, t] of Object.entries(outputs)) {
        if (t.type !== 'float32') continue;
        const r = (ranges[name] ||= [0, 0]);
        for (const x of t.data) {
            if (x < r[0]) r[0] = x;
            if (x > r[1]) r[1] = x;
        }
    }
}
console.log(JSON.stringify(ranges));
