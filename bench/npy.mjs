// bench/npy.mjs - .npy files of dense arrays: {type, shape, data}, type as ONNX Runtime names it.
import fs from 'fs';

const types = {
    '<f4': ['float32', Float32Array], '<f8': ['float64', Float64Array], '<i4': ['int32', Int32Array], '<i8': ['int64', BigInt64Array],
    '|u1': ['uint8', Uint8Array], '|i1': ['int8', Int8Array], '|b1': ['bool', Uint8Array], '<f2': ['float16', Uint16Array],
};

export function readNpy(file) {
    const bytes = fs.readFileSync(file), head = bytes[6] === 1 ? 10 : 12;
    const end = head + (head === 10 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8)), text = bytes.subarray(head, end).toString();
    const descr = /'descr': *'([^']+)'/.exec(text)?.[1];
    if (!types[descr]) throw new Error(`${file}: elements of type ${descr}`);
    const shape = /'shape': *\(([^)]*)\)/.exec(text)[1].split(',').map((s) => s.trim()).filter(Boolean).map(Number);
    const [type, Array] = types[descr];
    return { type, shape, data: new Array(bytes.buffer.slice(bytes.byteOffset + end, bytes.byteOffset + bytes.length)) };
}

export function writeNpy(file, { type, shape, data }) {
    const descr = Object.keys(types).find((k) => types[k][0] === type);
    let text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
    text = text.padEnd(Math.ceil((10 + text.length + 1) / 64) * 64 - 11) + '\n';
    const head = Buffer.from('\x93NUMPY\x01\x00\0\0', 'latin1');
    head.writeUInt16LE(text.length, 8);
    fs.writeFileSync(file, Buffer.concat([head, Buffer.from(text), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

export const arrayOf = (type) => Object.values(types).find((t) => t[0] === type)[1];
