/** The page's own style and script; both stand in the page, and nothing else may. */

export const styles = `
:root {
  --page: #fbfcfd; --raised: #ffffff; --sunk: #f1f4f7; --line: #dfe5ea; --ink: #17212b; --soft: #55646f;
  --accent: #0b6b85; --get: #14694a; --post: #1d4fa3; --name: #8a3b12; --literal: #6b34a8;
  --warn: #8a4b00; --mark: #e2f3f7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0e1419; --raised: #141c23; --sunk: #0a0f13; --line: #26323c; --ink: #e4ebf0; --soft: #9aabb8;
    --accent: #5cc4de; --get: #63d29f; --post: #86b1ff; --name: #f0a878; --literal: #c8a4f7;
    --warn: #f2b05e; --mark: #10303a;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1.5rem; }
body {
  margin: 0; background: var(--page); color: var(--ink); display: grid;
  grid-template-columns: 17.5rem minmax(0, 1fr); line-height: 1.55;
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
code { font-size: .875em; overflow-wrap: anywhere; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--raised); padding: .5rem 1rem; z-index: 2; }
nav {
  position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem 3rem 1.5rem;
  border-right: 1px solid var(--line); background: var(--raised); font-size: .875rem;
}
nav header { display: flex; align-items: baseline; gap: .6rem; margin-bottom: 1rem; }
.brand { color: var(--ink); font-size: 1.15rem; font-weight: 650; letter-spacing: -.01em; display: flex; gap: .5rem; align-items: center; }
.brand svg { width: 1.35rem; fill: none; stroke: var(--accent); stroke-width: 2.2; stroke-linecap: round; }
.version { color: var(--soft); }
nav input {
  width: 100%; padding: .45rem .65rem; font: inherit; color: inherit; background: var(--page);
  border: 1px solid var(--line); border-radius: 6px;
}
nav h2 { font-size: .75rem; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 1.4rem 0 .35rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: flex; gap: .5rem; align-items: baseline; color: var(--ink); padding: .2rem .4rem; border-radius: 5px; }
nav li a:hover { background: var(--mark); text-decoration: none; }
nav .method { width: 2.3rem; flex: none; }
.method { font: 600 .6875rem/1 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; letter-spacing: .02em; }
.method.get { color: var(--get); } .method.post { color: var(--post); }
main { padding: 3rem clamp(1.25rem, 4vw, 4rem) 6rem; max-width: 92rem; }
.intro { max-width: 50rem; }
h1 { font-size: 2.1rem; line-height: 1.15; letter-spacing: -.022em; margin: 0 0 1rem; text-wrap: balance; }
.section { margin: 4.5rem 0 0; max-width: 50rem; }
.section h2 { font-size: 1.5rem; letter-spacing: -.015em; margin: 0 0 .2rem; }
.section p { color: var(--soft); margin: 0; }
.operation {
  display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem 3rem;
  padding: 2.25rem 0; border-top: 1px solid var(--line); margin-top: 1.75rem;
}
.operation + .operation { margin-top: 0; }
.shown { position: sticky; top: 1.5rem; align-self: start; }
h3 { font-size: 1.15rem; margin: 0 0 .4rem; letter-spacing: -.01em; }
h3 a { color: inherit; }
h4 { font-size: .8125rem; text-transform: uppercase; letter-spacing: .05em; color: var(--soft); margin: 1.5rem 0 .4rem; font-weight: 600; }
h4 .type { text-transform: none; letter-spacing: 0; font-weight: 400; }
.address { display: flex; flex-wrap: wrap; align-items: baseline; gap: .6rem; margin: 0 0 .8rem; }
.address .method { font-size: .8125rem; }
.address i { color: var(--accent); }
.scope { font-size: .75rem; padding: .08rem .5rem; border-radius: 99px; border: 1px solid var(--line); color: var(--soft); }
.scope::before { content: "scope "; } .scope.open::before { content: ""; }
.scope.admin { color: var(--warn); border-color: currentColor; }
p { margin: .5rem 0; } .told > p { max-width: 38rem; }
.fields, .codes { margin: 0; }
.fields > div { padding: .6rem 0; border-top: 1px solid var(--line); }
.fields > div:first-child { border-top: 0; }
dt { display: flex; flex-wrap: wrap; align-items: baseline; gap: .6rem; }
dt code { font-weight: 600; color: var(--ink); }
dd { margin: 0; color: var(--soft); font-size: .9375rem; }
dd p { margin: .15rem 0; }
.type { color: var(--soft); font-size: .8125rem; }
.required { color: var(--warn); font-size: .75rem; }
.values { font-size: .875rem; }
details { margin-top: .5rem; font-size: .9375rem; }
summary { cursor: pointer; color: var(--accent); font-size: .875rem; width: fit-content; }
details .fields { border-left: 2px solid var(--line); padding-left: 1rem; margin-top: .35rem; }
.refusals { margin-top: 1.5rem; }
.refusals ul { list-style: none; padding: 0; margin: .5rem 0 0; }
.refusals li { display: flex; flex-wrap: wrap; gap: .15rem .6rem; padding: .25rem 0; align-items: baseline; }
.status { font: 600 .8125rem/1.4 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--soft); min-width: 2.2rem; }
.codes > div { padding: .85rem .75rem; margin: 0 -.75rem; border-top: 1px solid var(--line); scroll-margin-top: 1rem; }
.codes > div:target { background: var(--mark); border-radius: 6px; }
.codes .hint::before { content: "→ "; color: var(--accent); }
.again { font-size: .75rem; color: var(--get); }
.code { margin: 0 0 1rem; border: 1px solid var(--line); border-radius: 8px; background: var(--sunk); overflow: hidden; }
.intro .code { margin-top: 1.5rem; }
figcaption {
  display: flex; justify-content: space-between; align-items: center; padding: .35rem .4rem .35rem .9rem;
  font-size: .75rem; color: var(--soft); border-bottom: 1px solid var(--line);
}
.copy { font: inherit; color: var(--soft); background: none; border: 0; padding: .2rem .5rem; border-radius: 4px; cursor: pointer; }
.copy:hover { color: var(--ink); background: var(--mark); }
pre { margin: 0; padding: .9rem; overflow: auto; white-space: pre-wrap; font-size: .8125rem; line-height: 1.6; tab-size: 2; max-height: 28rem; }
pre code { font-size: inherit; }
pre .name { color: var(--name); } pre .literal { color: var(--literal); }
[hidden] { display: none !important; }
@media (max-width: 70rem) { .operation { grid-template-columns: minmax(0, 1fr); } .shown { position: static; } }
@media (max-width: 48rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); padding: 1rem 1.25rem; }
  nav section { display: none; } nav:focus-within section { display: block; }
  main { padding-top: 2rem; }
}
@media print { nav, .copy { display: none; } body { display: block; } .shown { position: static; } }
`;

export const script = `
for (const button of document.querySelectorAll(".copy")) {
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.closest("figure").querySelector("code").textContent);
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  });
}
const filter = document.getElementById("filter");
filter.addEventListener("input", () => {
  const wanted = filter.value.trim().toLowerCase();
  for (const section of document.querySelectorAll("nav section")) {
    let shown = 0;
    for (const item of section.querySelectorAll("li")) {
      item.hidden = !(item.textContent + item.firstChild.getAttribute("href")).toLowerCase().includes(wanted);
      if (!item.hidden) shown++;
    }
    section.hidden = shown === 0;
  }
});
`;
