// node teach_boxes.js yolox_nano_416.onnx - people in pictures, for teachers.py; needs onnxruntime-node (NODE_PATH).
// stdin: pictures of 416x416x3 bytes, BGR; stdout: a line of JSON each, [[cx, cy, w, h, score], ...]
const ort = require('onnxruntime-node');

const SIDE = 416, PIXELS = SIDE * SIDE, BYTES = 3 * PIXELS, LEAST_SCORE = 0.08;

function cells() {
  const list = [];
  for (const stride of [8, 16, 32])
    for (let y = 0; y < SIDE / stride; y++)
      for (let x = 0; x < SIDE / stride; x++) list.push([x, y, stride]);
  return list;
}

// Raw rows of 85 numbers: box in cells and logarithms, objectness, classes, of which a person is the first.
function people(d, grid) {
  const out = [];
  grid.forEach(([x, y, stride], i) => {
    const b = i * 85, score = d[b + 4] * d[b + 5];
    if (score > LEAST_SCORE)
      out.push([(d[b] + x) * stride, (d[b + 1] + y) * stride, Math.exp(d[b + 2]) * stride,
        Math.exp(d[b + 3]) * stride, score].map((v) => +v.toFixed(3)));
  });
  return out;
}

async function main() {
  const net = await ort.InferenceSession.create(process.argv[2],
    { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 });
  const grid = cells(), picture = Buffer.alloc(BYTES), planes = new Float32Array(BYTES);
  let filled = 0;
  for await (const chunk of process.stdin) {
    for (let at = 0; at < chunk.length;) {
      const n = Math.min(BYTES - filled, chunk.length - at);
      chunk.copy(picture, filled, at, at + n);
      filled += n; at += n;
      if (filled < BYTES) continue;
      filled = 0;
      for (let i = 0; i < PIXELS; i++)
        for (let c = 0; c < 3; c++) planes[c * PIXELS + i] = picture[3 * i + c];
      const r = await net.run({ [net.inputNames[0]]: new ort.Tensor('float32', planes, [1, 3, SIDE, SIDE]) });
      process.stdout.write(JSON.stringify(people(r[net.outputNames[0]].data, grid)) + '\n');
    }
  }
}

main().catch((e) => { console.error(String(e)); process.exit(1); });
