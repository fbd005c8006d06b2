// Given to Node with --import: what opens a connection fails, as on a machine without a network.
import net from 'node:net';

net.Socket.prototype.connect = (...args) => {
  throw new Error(`the network was used: ${JSON.stringify(args[0])}`);
};
