// octokit, GitHub's own client for JavaScript, at a GitHub: URL TOKEN OWNER/NAME.
const { Octokit } = require('octokit');
const { serve, version } = require('./calls.cjs');

const [url, token, full] = process.argv.slice(2);
const [owner, repo] = full.split('/');
const log = { debug() {}, info() {}, warn() {}, error() {} };
const server = new Octokit({ baseUrl: url, auth: token, log, retry: { enabled: false }, throttle: { enabled: false } });
const { actions } = server.rest;
const all = (route, more) => server.paginate(route, { owner, repo, per_page: 2, ...more });
const told = it => ({ id: it.id, status: it.status, conclusion: it.conclusion, event: it.event, title: it.display_title });

serve({
  version: () => version('octokit'),
  async workflows() {
    return (await all(actions.listRepoWorkflows)).map(it => it.path);
  },
  async dispatch({ workflow, ref, inputs }) {
    await actions.createWorkflowDispatch({ owner, repo, workflow_id: workflow, ref, inputs });
  },
  async runs() {
    return (await all(actions.listWorkflowRunsForRepo)).map(told);
  },
  async run({ id }) {
    return told((await actions.getWorkflowRun({ owner, repo, run_id: id })).data);
  },
  async jobs({ id }) {
    const found = await all(actions.listJobsForWorkflowRun, { run_id: id });
    return found.map(it => ({ name: it.name, conclusion: it.conclusion, steps: it.steps.map(step => step.name) }));
  },
  async cancel({ id }) {
    await actions.cancelWorkflowRun({ owner, repo, run_id: id });
  },
  async artifacts({ id }) {
    return (await all(actions.listWorkflowRunArtifacts, { run_id: id })).map(it => it.name);
  },
});
