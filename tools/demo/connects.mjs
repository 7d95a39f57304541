// The demonstration command of `npm start`: a server on loopback, three connects to it from two processes, and one to a port
// that refuses. It prints nothing, so that the tool's lines stand alone; it exits 0 only when all went as said.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const HOST = '127.0.0.1';

/** Connect and hang up: true when the port accepted. */
async function tryConnect(port) {
  const socket = connect(port, HOST);
  try {
    await once(socket, 'connect');
    socket.end();
    socket.resume();
    await once(socket, 'close');
    return true;
  } catch (error) {
    if (error.code !== 'ECONNREFUSED') throw error;
    return false;
  }
}

const [role, port] = process.argv.slice(2);
if (role === 'client') {
  if (!(await tryConnect(Number(port)))) process.exit(1);
} else {
  const server = createServer((socket) => socket.end()).listen(0, HOST);
  await once(server, 'listening');
  const open = server.address().port;
  const accepted = (await tryConnect(open)) && (await tryConnect(open));
  const child = spawn(process.execPath, [process.argv[1], 'client', String(open)], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  server.close();
  await once(server, 'close');
  // The port that was ours a moment ago refuses now.
  const refused = !(await tryConnect(open));
  process.exit(accepted && code === 0 && refused ? 0 : 1);
}
