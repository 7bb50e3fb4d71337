"use strict";

// Everything is built from elements and text, never from markup: what the document says cannot act.
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) node.setAttribute(key, value);
  }
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
}

const byId = (id) => document.getElementById(id);

// `code` and **strong** of a line.
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.length > 2 && part.startsWith("`")) return element("code", {}, part.slice(1, -1));
    if (part.length > 4 && part.startsWith("**")) return element("strong", {}, part.slice(2, -2));
    return part;
  });
}

// Paragraphs and lists.
function prose(text) {
  return (text || "").split(/\n{2,}/).filter(Boolean).map((block) => {
    const lines = block.split("\n");
    if (lines.every((line) => line.startsWith("- "))) {
      return element("ul", {}, ...lines.map((line) => element("li", {}, ...inline(line.slice(2)))));
    }
    return element("p", {}, ...inline(block));
  });
}

function resolve(api, node) {
  let found = node;
  for (let depth = 0; found && found.$ref && depth < 10; depth += 1) {
    const target = found.$ref.slice(2).split("/").reduce((at, key) => at && at[key], api);
    found = { ...target, ...Object.fromEntries(Object.entries(found).filter(([key]) => key !== "$ref")) };
  }
  return found || {};
}

const schemaName = (ref) => ref.split("/").pop();

// What a schema is, in a few words, with links to those it names.
function typeOf(schema) {
  if (!schema) return ["anything"];
  if (schema.$ref) {
    const name = schemaName(schema.$ref);
    return [element("a", { href: `#schema-${name}` }, name)];
  }
  if (schema.contentSchema) return ["messages: ", ...typeOf(schema.contentSchema)];
  const types = [].concat(schema.type || []);
  if (schema.anyOf && !types.length) {
    return schema.anyOf.flatMap((choice, at) => (at ? [" or ", ...typeOf(choice)] : typeOf(choice)));
  }
  if (types.includes("array")) return ["list of ", ...typeOf(schema.items), ...(types.includes("null") ? [" or null"] : [])];
  if (types.includes("object") && schema.additionalProperties) return ["map of ", ...typeOf(schema.additionalProperties)];
  const format = schema.format ? ` (${schema.format})` : "";
  return [`${types.join(" or ") || "anything"}${format}`];
}

function limitsOf(schema) {
  const words = {
    minimum: (limit) => `from ${limit}`, maximum: (limit) => `to ${limit}`, exclusiveMaximum: (limit) => `below ${limit}`,
    minLength: (limit) => `at least ${limit} characters`, maxLength: (limit) => `at most ${limit} characters`,
    minItems: (limit) => `at least ${limit} entries`, maxItems: (limit) => `at most ${limit} entries`,
  };
  // The limits of the types themselves say nothing.
  const said = Object.entries(words)
    .filter(([key]) => schema[key] !== undefined && Math.abs(schema[key]) < 2 ** 31 - 1)
    .map(([key, word]) => word(schema[key]));
  if (schema.enum && schema.enum.length < 30) said.push(`one of ${schema.enum.filter((value) => value !== null).map((value) => JSON.stringify(value)).join(", ")}`);
  if (schema.pattern && schema.pattern.length < 40) said.push(`matching ${schema.pattern}`);
  return said.join("; ");
}

function describe(schema, description) {
  const limits = limitsOf(schema);
  return [...prose(description), limits ? element("p", { class: "dim" }, limits) : undefined];
}

function table(headings, rows) {
  const head = element("tr", {}, ...headings.map((heading) => element("th", { scope: "col" }, heading)));
  return element("div", { class: "scroll" }, element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function schemaView(schema) {
  const required = schema.required || [];
  const rows = Object.entries(schema.properties || {}).map(([name, property]) =>
    element("tr", {},
      element("td", { class: "name" }, name, required.includes(name) ? element("span", { class: "required", title: "always there" }, " *") : ""),
      element("td", {}, ...typeOf(property)),
      element("td", {}, ...describe(property, property.description))));
  const rules = (schema.allOf || []).flatMap((rule) => prose(rule.description));
  const body = rows.length ? [table([required.length ? "Field (*: always there)" : "Field", "Type", "Meaning"], rows)] : [element("p", { class: "dim" }, ...typeOf(schema))];
  return [...prose(schema.description), ...body, ...rules];
}

const credentials = () => {
  const form = byId("credentials");
  const headers = {};
  if (form.elements.token.value) headers.Authorization = `Bearer ${form.elements.token.value.replace(/^bearer\s+/i, "")}`;
  if (form.elements.key.value) headers["X-API-Key"] = form.elements.key.value;
  return headers;
};

// The request that the form of an operation describes.
function requestOf(operation, form) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = { ...credentials() };
  for (const parameter of operation.parameters) {
    const text = form.elements[`${parameter.in}:${parameter.name}`].value;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(text));
    else if (text === "") continue;
    else if (parameter.in === "header") headers[parameter.name] = text;
    else if (resolve(operation.api, parameter.schema).type === "array") {
      text.split(",").map((item) => item.trim()).filter(Boolean).forEach((item) => query.append(parameter.name, item));
    } else query.append(parameter.name, text);
  }
  const accept = form.elements.accept ? form.elements.accept.value : undefined;
  if (accept) headers.Accept = accept;
  const request = { method: operation.verb.toUpperCase(), headers, cache: "no-store", credentials: "omit" };
  if (form.elements.body) {
    request.body = form.elements.body.value;
    headers["Content-Type"] = "application/json";
  }
  const search = query.toString();
  return { url: path + (search ? `?${search}` : ""), request };
}

function commandOf({ url, request }) {
  const quote = (text) => `'${String(text).replace(/'/g, "'\\''")}'`;
  const hidden = { Authorization: "Bearer $TOKEN", "X-API-Key": "$API_KEY" };
  const headers = Object.entries(request.headers).map(([name, value]) =>
    hidden[name] ? `-H "${name}: ${hidden[name]}"` : `-H ${quote(`${name}: ${value}`)}`);
  const body = request.body === undefined ? [] : [`-d ${quote(request.body)}`];
  const method = request.method === "GET" ? [] : [`-X ${request.method}`];
  return ["curl -N", ...method, ...headers, ...body, quote(new URL(url, location.href).href)].join(" ");
}

function pretty(text, type) {
  if (!/json/.test(type) || /ndjson/.test(type)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// Sends the request and shows the answer as it comes.
async function send(operation, form, output, buttons) {
  const abort = new AbortController();
  const { url, request } = requestOf(operation, form);
  const status = element("p", { role: "status" }, "Sending…");
  const body = element("pre", { tabindex: "0", "aria-label": "Body of the answer" });
  output.replaceChildren(element("h3", {}, "Answer"), status, element("p", { class: "dim" }, element("code", {}, commandOf({ url, request }))), body);
  buttons.send.disabled = true;
  buttons.stop.hidden = false;
  buttons.stop.onclick = () => abort.abort();
  const began = performance.now();
  const after = () => `${Math.round(performance.now() - began)} ms`;
  try {
    const response = await fetch(url, { ...request, signal: abort.signal });
    const type = response.headers.get("content-type") || "";
    const id = response.headers.get("x-request-id");
    const said = () => `${response.status} ${response.statusText} · ${type || "no body"} · ${after()}${id ? ` · ${id}` : ""}`;
    status.className = response.ok ? "good" : "bad";
    status.textContent = said();
    if (/event-stream|ndjson/.test(type)) {
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        body.append(value);
        body.scrollTop = body.scrollHeight;
      }
      status.textContent = `${said()} · the stream has ended`;
    } else {
      body.textContent = pretty(await response.text(), type);
      status.textContent = said();
    }
  } catch (error) {
    status.className = abort.signal.aborted ? "" : "bad";
    status.textContent = abort.signal.aborted ? `Stopped after ${after()}` : `No answer: ${error.message}`;
  } finally {
    buttons.send.disabled = false;
    buttons.stop.hidden = true;
  }
}

function fieldOf(operation, parameter) {
  const name = `${parameter.in}:${parameter.name}`;
  const schema = resolve(operation.api, parameter.schema);
  const label = `${parameter.name}, in the ${parameter.in}`;
  const choices = schema.type === "boolean" ? ["true", "false"] : schema.enum;
  if (choices) {
    // The spellings in capitals are read too, but nobody needs them here.
    const options = ["", ...choices.filter((value) => value && !/^[A-Z0-9_]+$/.test(value))];
    return element("select", { name, "aria-label": label }, ...options.map((value) => element("option", { value }, value)));
  }
  return element("input", {
    name, "aria-label": label, spellcheck: "false", autocomplete: "off",
    required: Boolean(parameter.required),
    value: parameter.in === "path" ? parameter.example : undefined,
    placeholder: schema.type === "array" ? "several, with commas" : undefined,
  });
}

function operationView(operation) {
  const { api, verb, path, spec } = operation;
  const rows = operation.parameters.map((parameter) =>
    element("tr", {},
      element("td", { class: "name" }, parameter.name, parameter.required ? element("span", { class: "required", title: "required" }, " *") : ""),
      element("td", {}, parameter.in),
      element("td", {}, ...typeOf(parameter.schema)),
      element("td", {}, fieldOf(operation, parameter)),
      element("td", {}, ...describe(parameter.schema, parameter.description))));
  const form = element("form", {});
  if (rows.length) form.append(element("h3", {}, "Parameters"), table(["Name (*: required)", "In", "Type", "Value", "Meaning"], rows));
  const content = spec.requestBody && spec.requestBody.content["application/json"];
  if (content) {
    const id = `body-${spec.operationId}`;
    const text = JSON.stringify(content.example === undefined ? {} : content.example, null, 2);
    const area = element("textarea", { id, name: "body", spellcheck: "false" });
    area.value = text;
    form.append(element("h3", {}, "Body: ", ...typeOf(content.schema)), element("label", { for: id }, "JSON"), area);
  }
  const success = resolve(api, Object.entries(spec.responses).find(([status]) => status.startsWith("2"))[1]);
  const kinds = Object.keys(success.content || {});
  if (kinds.length > 1) {
    const options = kinds.map((kind) => element("option", { value: kind }, kind));
    form.append(element("p", {}, element("label", {}, "As ", element("select", { name: "accept" }, ...options))));
  }
  const buttons = {
    send: element("button", { type: "submit" }, "Send"),
    stop: element("button", { type: "button", class: "quiet", hidden: true }, "Stop"),
  };
  const output = element("div", {});
  form.append(element("div", { class: "actions" }, buttons.send, buttons.stop), output);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(operation, form, output, buttons);
  });
  const answers = Object.entries(spec.responses).map(([status, answer]) => {
    const found = resolve(api, answer);
    const media = Object.entries(found.content || {});
    return element("tr", {},
      element("td", { class: "name" }, status),
      element("td", {}, ...media.flatMap(([kind, { schema }]) => [element("div", {}, element("code", {}, kind)), element("div", {}, ...typeOf(schema))])),
      element("td", {}, ...prose(found.description)));
  });
  const inside = element("div", { class: "inside" }, ...prose(spec.description), form, element("h3", {}, "Answers"), table(["Status", "Body", "When"], answers));
  const view = element("details", { id: `operation-${spec.operationId}` },
    element("summary", {}, element("span", { class: `verb ${verb}` }, verb.toUpperCase()), element("span", { class: "path" }, path), element("span", { class: "dim" }, ...inline(spec.summary))),
    inside);
  return view;
}

function operationsOf(api) {
  const verbs = ["get", "post", "put", "patch", "delete"];
  return Object.entries(api.paths).flatMap(([path, item]) =>
    verbs.filter((verb) => item[verb]).map((verb) => {
      const spec = item[verb];
      const parameters = (spec.parameters || []).map((parameter) => resolve(api, parameter));
      return { api, path, verb, spec, parameters, tag: (spec.tags || ["Other"])[0] };
    }));
}

// Opens what the address names: a closed part cannot be scrolled to.
function openNamed() {
  const target = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  if (target.tagName === "DETAILS") target.open = true;
  target.scrollIntoView();
}

function show(api) {
  document.title = `${api.info.title} ${api.info.version}: API`;
  document.querySelector("h1").textContent = `${api.info.title} ${api.info.version}`;
  byId("about").replaceWith(element("div", { id: "about" }, ...prose(api.info.description), element("p", {}, element("a", { href: "openapi.json" }, "OpenAPI document"))));
  const main = byId("operations");
  const index = byId("index");
  const operations = operationsOf(api);
  const entries = [];
  const section = (title, description, items) => {
    const list = element("ul", {}, ...items.map((item) => item.entry));
    const heading = element("h2", {}, title);
    index.append(heading, list);
    main.append(element("section", { "aria-label": title }, element("h2", {}, title), ...prose(description), ...items.map((item) => item.view)));
    entries.push({ heading, items });
  };
  for (const tag of api.tags) {
    const items = operations.filter((operation) => operation.tag === tag.name).map((operation) => {
      const { verb, path, spec } = operation;
      const link = element("a", { href: `#operation-${spec.operationId}`, title: path }, spec.operationId);
      const entry = element("li", {}, element("span", { class: `verb ${verb}` }, `${verb.toUpperCase()} `), link);
      return { entry, view: operationView(operation), words: `${verb} ${path} ${spec.operationId} ${spec.summary}`.toLowerCase() };
    });
    section(tag.name, tag.description, items);
  }
  section("Schemas", "", Object.entries(api.components.schemas).map(([name, schema]) => ({
    entry: element("li", {}, element("a", { href: `#schema-${name}` }, name)),
    view: element("details", { id: `schema-${name}` }, element("summary", {}, element("span", { class: "path" }, name)), element("div", { class: "inside" }, ...schemaView(schema))),
    words: name.toLowerCase(),
  })));
  byId("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase().split(/\s+/);
    for (const { heading, items } of entries) {
      for (const item of items) item.entry.hidden = item.view.hidden = !wanted.every((word) => item.words.includes(word));
      heading.hidden = items.every((item) => item.entry.hidden);
    }
  });
  byId("state").remove();
  addEventListener("hashchange", openNamed);
  openNamed();
}

byId("credentials").addEventListener("submit", (event) => event.preventDefault());
fetch("openapi.json")
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
  .then(show)
  .catch((error) => { byId("state").textContent = `The document cannot be shown: ${error.message}`; });
