/** Calls to this shop's own HTTP API; every failure is a Problem with words a person can read. */

const SHOP = new URLSearchParams(location.search).get("shop") ?? sessionStorage.getItem("mercato.shop") ?? "";
if (SHOP) sessionStorage.setItem("mercato.shop", SHOP);

export class Problem extends Error {
  constructor(status, error) {
    super(error?.message ?? "The shop did not answer");
    this.status = status;
    this.code = error?.code ?? "unreachable";
    this.hint = error?.hint ?? "";
    this.field = error?.field ?? "";
  }
}

export function headers(body) {
  return { ...(body ? { "Content-Type": "application/json" } : {}), ...(SHOP ? { "X-Shop": SHOP } : {}) };
}

/** The address of an API path, with the shop in it: a beacon cannot carry a header. */
export const addressed = (path) => (SHOP ? `${path}?shop=${encodeURIComponent(SHOP)}` : path);

async function call(method, path, body, signal) {
  return answered(path, { method, headers: headers(body), body: body && JSON.stringify(body), signal });
}

async function answered(path, request) {
  let response;
  try {
    response = await fetch(path, request);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { message: "The shop cannot be reached. Is the server still running?" });
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) throw new Problem(response.status, answer?.error);
  return answer;
}

/** Leave out what is empty, so that the server's defaults hold. */
const given = (record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined && value !== "" && value !== null));

export const search = (request, signal) => call("POST", "/v1/search", given(request), signal);
export const recommend = (placement, request) => call("POST", "/v1/recommend", given({ placement, explain: true, ...request }));
export const suggest = (request, signal) => call("GET", `/v1/suggest?${new URLSearchParams(given(request))}`, undefined, signal);
/** {searchable, pictures}; asked once a page. */
let sight;
export const pictures = () => (sight ??= call("GET", "/v1/pictures").catch(() => ({ searchable: false })));
/** Where a product's own picture is: a web address as it is, else the file that the shop keeps. */
export const pictureOf = ({ id, image }) => (/^(https?:|data:|\/)/.test(image) ? image : addressed(`/v1/products/${encodeURIComponent(id)}/picture`));
export const product = (id) => call("GET", `/v1/products/${encodeURIComponent(id)}`);
export const reviews = (id) => call("GET", `/v1/products/${encodeURIComponent(id)}/reviews:summary`);
export const shopper = (id) => call("GET", `/v1/shoppers/${encodeURIComponent(id)}`);
export const shoppers = (prefix, k = 40) => call("GET", `/v1/shoppers?prefix=${encodeURIComponent(prefix)}&k=${k}`);
export const consoleData = (part, query = "") => call("GET", `/v1/console/${part}${query}`);

/** The model shelf, and how an encoder reads a query and a product. */
export const models = () => call("GET", "/v1/models");
export const readPair = (query, product) => call("POST", "/v1/models:read", { query, product });

/** How lists are made: knobs by placement, what a turn would do, and what it costs on held-out sales. */
export const lists = () => call("GET", "/v1/lists");
export const turnLists = (placement, knobs) => call("PATCH", `/v1/lists/${placement}`, knobs);
export const previewLists = (placement, request, signal) => call("POST", `/v1/lists/${placement}:preview`, request, signal);
export const sampleLists = (placement, request, signal) => call("POST", `/v1/lists/${placement}:sample`, request, signal);
export const prices = () => call("GET", "/v1/lists:measure");
export const measurePrices = () => call("POST", "/v1/lists:measure", {});

/** The shop's rules: written, tried out, taken back. */
export const rules = () => call("GET", "/v1/rules");
export const addRule = (rule) => call("POST", "/v1/rules", rule);
export const putRule = (rule) => call("PUT", `/v1/rules/${rule.id}`, rule);
export const deleteRule = (id) => call("DELETE", `/v1/rules/${id}`);
export const previewRules = (request, signal) => call("POST", "/v1/rules:preview", request, signal);
export const ruleVersions = () => call("GET", "/v1/rules/versions?k=50");
export const rollBackRules = (number) => call("POST", `/v1/rules/versions/${number}:rollback`, {});

/** Judging: query sets, what answers their queries, and search turned beside search as it is. */
const setPath = (name, rest = "") => `/v1/query-sets/${encodeURIComponent(name)}${rest}`;
export const querySets = () => call("GET", "/v1/query-sets");
export const querySet = (name) => call("GET", setPath(name));
export const putQuerySet = (name, queries) => call("PUT", setPath(name), { queries });
export const deleteQuerySet = (name) => call("DELETE", setPath(name));
export const suggestQueries = (how, k) => call("GET", `/v1/query-sets:suggest?how=${how}&k=${k}`);
export const judge = (name, query, product, grade) => call("PUT", setPath(name, "/judgments"), { query, product, grade });
export const judgeAll = (name, source) => call("POST", setPath(name, ":judge"), { source });
export const judgmentsFile = (name) => addressed(setPath(name, "/judgments:export"));
export const importJudgments = (name, file, type) => answered(setPath(name, "/judgments:import"), { method: "POST", headers: { ...headers(), "Content-Type": type }, body: file });
export const searchKnobs = () => call("GET", "/v1/compare");
export const compare = (request, signal) => call("POST", "/v1/compare", request, signal);
export const compareLists = (request, signal) => call("POST", "/v1/compare:lists", request, signal);
