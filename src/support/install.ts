/**
 * How to install the engine that swanc runs best in. Its install script downloads CUDA libraries, which the processor does not
 * need: where they cannot be had, npm would install nothing.
 */
export const installEngine = 'install onnxruntime-node: npm install --ignore-scripts onnxruntime-node';
