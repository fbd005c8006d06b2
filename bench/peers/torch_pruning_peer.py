"""Prunes the marked units of a network with Torch-Pruning and prints as JSON what came of it.

    python torch_pruning_peer.py FOLDER

FOLDER has network.json, weights.bin, samples.bin and expected.bin as bench/torch-pruning.ts writes them, and gets
pruned.bin, the weights that are left. The network is built of torch's own modules, and its units are pruned as the documentation of Torch-Pruning shows: a DependencyGraph gives
the group of a layer's channels, `check_pruning_group` says whether it may go, and the group prunes all coupled layers.
"""

import json
import math
import pathlib
import sys
from collections import Counter
from importlib.metadata import version

import numpy as np
import torch
import torch_pruning as tp
from torch import nn
from torch.nn import functional

PRUNED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


def symmetric(pads):
    """The padding of height and width, of ONNX's four."""
    top, left, bottom, right = pads or [0, 0, 0, 0]
    if (top, left) != (bottom, right):
        raise ValueError('padding differs from side to side')
    return top, left


def parameters_of(module, inputs):
    """The parameters of a module as the node has them, by the names of its inputs."""
    if isinstance(module, nn.BatchNorm2d):
        tensors = [module.weight, module.bias, module.running_mean, module.running_var]
    elif isinstance(module, nn.Linear):
        tensors = [module.weight.T, module.bias]
    else:
        tensors = [module.weight, module.bias]
    return {name: tensor.detach().contiguous().numpy() for name, tensor in zip(inputs[1:], tensors)}


def make_module(op, inputs, attributes, weights):
    """The torch module for a node with weights; None for one without."""
    constants = [torch.tensor(weights[name]) for name in inputs[1:] if name in weights]
    if op in ('Conv', 'ConvTranspose'):
        kernel, bias = constants[0], constants[1] if len(constants) > 1 else None
        kind, size = (nn.Conv2d, kernel.shape[:2]) if op == 'Conv' else (nn.ConvTranspose2d, kernel.shape[1::-1])
        if attributes.get('group', 1) != 1:
            raise ValueError('grouped convolutions are not built here')
        module = kind(
            size[1],
            size[0],
            tuple(kernel.shape[2:]),
            stride=tuple(attributes.get('strides', [1, 1])),
            padding=symmetric(attributes.get('pads')),
            bias=bias is not None,
        )
        parameters = {'weight': kernel, 'bias': bias}
    elif op == 'Gemm':
        module = nn.Linear(*constants[0].shape)
        parameters = {'weight': constants[0].T.contiguous(), 'bias': constants[1]}
    elif op == 'BatchNormalization':
        scale, bias, mean, variance = constants
        module = nn.BatchNorm2d(len(scale), eps=attributes.get('epsilon', 1e-5))
        parameters = {'weight': scale, 'bias': bias, 'running_mean': mean, 'running_var': variance}
    else:
        return None
    for name, value in parameters.items():
        if value is not None:
            getattr(module, name).data = value
    return module


class Network(nn.Module):
    """The nodes of a description, run one after the other."""

    def __init__(self, description, weights):
        super().__init__()
        self.nodes, self.input, self.output = (description[key] for key in ('nodes', 'input', 'output'))
        self.constants = weights
        self.layers = nn.ModuleDict()
        for node in self.nodes:
            module = make_module(node['op'], node['inputs'], node['attributes'], weights)
            if module is not None:
                self.layers[node['output']] = module

    def forward(self, x):
        values = {self.input: x}
        for node in self.nodes:
            arguments = [values[name] for name in node['inputs'] if name in values]
            values[node['output']] = self.run(node, arguments)
        return values[self.output]

    def run(self, node, arguments):
        op, attributes = node['op'], node['attributes']
        if node['output'] in self.layers:
            return self.layers[node['output']](arguments[0])
        if op == 'Relu':
            return functional.relu(arguments[0])
        if op == 'Add':
            return arguments[0] + arguments[1]
        if op == 'Concat':
            return torch.cat(arguments, dim=attributes['axis'])
        if op == 'GlobalAveragePool':
            return functional.adaptive_avg_pool2d(arguments[0], 1)
        if op == 'Flatten':
            return torch.flatten(arguments[0], 1)
        if op == 'Resize':
            _, _, height, width = self.constants[node['inputs'][2]]
            return functional.interpolate(arguments[0], scale_factor=(float(height), float(width)), mode='nearest')
        if op in ('MaxPool', 'AveragePool'):
            pool = functional.max_pool2d if op == 'MaxPool' else functional.avg_pool2d
            padding = symmetric(attributes.get('pads'))
            return pool(arguments[0], attributes['kernel_shape'], attributes['strides'], padding)
        raise ValueError(f'{op} is not built here')


def read_weights(folder, description):
    data = np.fromfile(folder / 'weights.bin', dtype='<f4')
    weights, start = {}, 0
    for entry in description['weights']:
        size = math.prod(entry['dims'])
        weights[entry['name']] = data[start : start + size].reshape(entry['dims']).copy()
        start += size
    return weights


def write_pruned(folder, model):
    """Writes the weights of the pruned network as the description has them; returns their names and dims."""
    weights = {}
    for node in model.nodes:
        if node['output'] in model.layers:
            weights.update(parameters_of(model.layers[node['output']], node['inputs']))
    with open(folder / 'pruned.bin', 'wb') as file:
        for array in weights.values():
            file.write(array.astype('<f4').tobytes())
    return [{'name': name, 'dims': list(array.shape)} for name, array in weights.items()]


def count_units(model):
    sizes = {nn.Conv2d: 'out_channels', nn.ConvTranspose2d: 'out_channels', nn.Linear: 'out_features'}
    return sum(getattr(module, sizes[type(module)]) for module in model.modules() if type(module) in sizes)


def prune_marked(model, marked, example):
    """Prunes what is marked, layer by layer; returns how many marked units were refused, by reason.

    Pruning renumbers the channels of all layers of a group, so the marks of each are kept up to date. A group goes only
    with those channels that are marked in every layer whose outputs it prunes.
    """
    graph = tp.DependencyGraph().build_dependency(model, example_inputs=example)
    flags = {}
    for name, layer in model.layers.items():
        if isinstance(layer, PRUNED):
            size = layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels
            flags[layer] = np.isin(np.arange(size), marked.get(name, []))
    refused = Counter()

    def outputs_in(group):
        """Layers of the group that lose outputs, each with the root's channels and its own."""
        for item in group:
            layer = item.dep.target.module
            if layer in flags and graph.is_out_channel_pruning_fn(item.dep.handler):
                yield layer, item.root_idxs, item.idxs

    for name in marked:
        layer = model.layers[name]
        prune = graph.get_pruner_of_module(layer).prune_out_channels
        wanted = np.flatnonzero(flags[layer]).tolist()
        if not wanted:
            continue
        group = graph.get_pruning_group(layer, prune, idxs=wanted)
        unmarked = set()
        for other, roots, own in outputs_in(group):
            unmarked.update(root for root, channel in zip(roots, own) if not flags[other][channel])
        kept = [channel for channel in wanted if channel not in unmarked]
        refused['a coupled layer has them unmarked'] += len(wanted) - len(kept)
        if not kept:
            continue
        if len(kept) < len(wanted):
            group = graph.get_pruning_group(layer, prune, idxs=kept)
        if not graph.check_pruning_group(group):
            refused['check_pruning_group says no'] += len(kept)
            continue
        removed = [(other, list(own)) for other, _, own in outputs_in(group)]
        group.prune()
        for other, own in removed:
            flags[other] = np.delete(flags[other], own)
    return {reason: count for reason, count in refused.items() if count > 0}


def main():
    folder = pathlib.Path(sys.argv[1])
    description = json.loads((folder / 'network.json').read_text())
    torch.set_num_threads(1)
    model = Network(description, read_weights(folder, description)).eval()
    read = lambda name: torch.from_numpy(np.fromfile(folder / name, dtype='<f4'))
    samples = read('samples.bin').reshape(description['samples'])
    expected = read('expected.bin')
    with torch.no_grad():
        before = model(samples)
    units = count_units(model)
    refused = prune_marked(model, description['marked'], samples[:1])
    with torch.no_grad():
        after = model(samples)
    scale = before.abs().max().item()
    outcome = {
        'versions': f'Torch-Pruning {version("torch-pruning")} (torch {version("torch")})',
        'removed': units - count_units(model),
        'refused': refused,
        'weights': write_pruned(folder, model),
        'inTorch': (after - before).abs().max().item() / scale,
        'imported': (before.flatten() - expected).abs().max().item() / scale,
    }
    print(json.dumps(outcome))


main()
