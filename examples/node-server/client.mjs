// Asks the server for predictions of the first samples that the network was trained with.
//
//     node client.mjs [http://127.0.0.1:8080/]
import { readFileSync } from 'node:fs';

const address = process.argv[2] ?? 'http://127.0.0.1:8080/';
const samples = JSON.parse(readFileSync('out/samples.json', 'utf8'));

const response = await fetch(new URL('predict', address), { method: 'POST', body: Float32Array.from(samples.flat()) });
if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
const [, classes] = response.headers.get('x-shape').split(',').map(Number);
const probabilities = new Float32Array(await response.arrayBuffer());
for (const [index, point] of samples.entries()) {
  const row = probabilities.subarray(index * classes, (index + 1) * classes);
  const corner = row.indexOf(Math.max(...row));
  console.log(
    `(${point.map((number) => number.toFixed(2)).join(', ')}) is near corner ${corner}: ${row[corner].toFixed(3)}`,
  );
}
