// The package `jenkins` at a Jenkins: URL USER TOKEN.
const Jenkins = require('jenkins');
const { serve, version } = require('./calls.cjs');

const [url, user, token] = process.argv.slice(2);
const address = new URL(url);
[address.username, address.password] = [user, token];
const server = new Jenkins({ baseUrl: address.href });
const STORE = ['folder', '_'];

const names = (jobs, parent = '') =>
  jobs.flatMap(job => (job.jobs ? names(job.jobs, `${parent}${job.name}/`) : [parent + job.name]));

serve({
  async version() {
    const headers = await fetch(url, { headers: { authorization: `Basic ${btoa(`${user}:${token}`)}` } });
    return `${version('jenkins')} at Jenkins ${headers.headers.get('x-jenkins')}`;
  },
  async jobs() {
    return names((await server.info({ depth: 3 })).jobs);
  },
  async job({ name }) {
    const told = await server.job.get(name);
    const declared = told.property.flatMap(part => part.parameterDefinitions ?? []).map(it => it.name);
    return { name: told.fullName, enabled: told.buildable, parameters: declared };
  },
  trigger: ({ name, parameters }) => server.job.build({ name, parameters }),
  async queued({ id }) {
    return (await server.queue.item(id)).executable?.number;
  },
  async build({ name, number }) {
    const told = await server.build.get(name, number);
    const given = told.actions.flatMap(part => part.parameters ?? []).map(it => [it.name, it.value]);
    return { building: told.building, result: told.result, parameters: Object.fromEntries(given) };
  },
  async log({ name, number }) {
    let [text, start, more] = ['', 0, true];
    while (more) {
      const piece = await server.build.log({ name, number, start, meta: true });
      text += piece.text;
      [start, more] = [piece.size, piece.more];
    }
    return text;
  },
  stop: ({ name, number }) => server.build.stop(name, number),
  create: ({ name, xml }) => server.job.create(name, xml),
  read: ({ name }) => server.job.config(name),
  update: ({ name, xml }) => server.job.config(name, xml),
  delete: ({ name }) => server.job.destroy(name),
  put_credential: ({ folder, xml }) => server.credentials.create(folder, ...STORE, xml),
  async credentials({ folder }) {
    return (await server.credentials.list(folder, ...STORE)).map(it => it.id);
  },
  delete_credential: ({ folder, id }) => server.credentials.destroy(id, folder, ...STORE),
  async nodes() {
    return (await server.node.list()).map(it => it.displayName);
  },
  disable: ({ node }) => server.node.disable(node, 'a judge was here'),
});
