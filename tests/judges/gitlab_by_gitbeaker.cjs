// gitbeaker at a GitLab: URL TOKEN PROJECT.
const { Gitlab } = require('@gitbeaker/rest');
const { serve, version } = require('./calls.cjs');

const [host, token, project] = process.argv.slice(2);
const server = new Gitlab({ host, token });
const told = it => ({ id: it.id, status: it.status, source: it.source });

serve({
  async version() {
    return `${version('@gitbeaker/rest')} at GitLab ${(await server.Metadata.show()).version}`;
  },
  async projects() {
    return (await server.Projects.all({ membership: true, perPage: 1 })).map(it => it.path_with_namespace);
  },
  async trigger({ ref, variables }) {
    const pairs = Object.entries(variables).map(([key, value]) => ({ key, value }));
    return (await server.Pipelines.create(project, ref, { variables: pairs })).id;
  },
  async pipelines() {
    return (await server.Pipelines.all(project, { perPage: 1 })).map(told);
  },
  async pipeline({ id }) {
    return told(await server.Pipelines.show(project, id));
  },
  async jobs({ id }) {
    const found = await server.Jobs.all(project, { pipelineId: id });
    return found.map(({ id, name, stage, status }) => ({ id, name, stage, status }));
  },
  async given({ id }) {
    const found = await server.Pipelines.allVariables(project, id);
    return Object.fromEntries(found.map(({ key, value }) => [key, value]));
  },
  log: ({ job }) => server.Jobs.showLog(project, job),
  async play({ job }) {
    await server.Jobs.play(project, job);
  },
  async cancel({ id }) {
    await server.Pipelines.cancel(project, id);
  },
  async put_variable({ key, value }) {
    await server.ProjectVariables.create(project, key, value, { masked: true });
  },
  async variables() {
    return Object.fromEntries((await server.ProjectVariables.all(project)).map(({ key, masked }) => [key, masked]));
  },
  async delete_variable({ key }) {
    await server.ProjectVariables.remove(project, key);
  },
  async file({ path }) {
    return atob((await server.RepositoryFiles.show(project, path, 'main')).content);
  },
});
