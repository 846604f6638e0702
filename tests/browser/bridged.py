"""A lab's view in a plain page, with the lab itself behind it: all of both but the host, and so without a server."""

import base64
import json

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>lab</title></head>
<body style="margin: 8px"><main id="gw"></main></body></html>"""
JOIN = """async ([script, style]) => {
  const sheet = document.createElement('style');
  sheet.textContent = style;
  document.head.append(sheet);
  const bytes = text => Uint8Array.from(atob(text), each => each.charCodeAt(0));
  const [state, heard, changed] = [{}, new Map(), new Set()];
  const emit = (event, ...args) => [...(heard.get(event) ?? [])].forEach(hear => hear(...args));
  const tell = async message => {
    const {traits, posts} = JSON.parse(await window.gwTell(JSON.stringify(message)));
    const view = text => new DataView(bytes(text).buffer);
    for (const [name, value] of Object.entries(traits)) state[name] = name === 'picture' ? view(value) : value;
    for (const name of Object.keys(traits)) emit(`change:${name}`);
    for (const [content, buffers] of posts) emit('msg:custom', content, buffers.map(view));
  };
  window.gwPull = () => tell({});
  await tell({});
  const model = {
    get: name => state[name],
    set: (name, value) => { state[name] = value; changed.add(name); emit(`change:${name}`); },
    save_changes: () => { void tell({set: Object.fromEntries([...changed].map(name => [name, state[name]]))}); changed.clear(); },
    on: (event, hear) => heard.set(event, (heard.get(event) ?? new Set()).add(hear)),
    off: (event, hear) => heard.get(event)?.delete(hear),
    send: content => void tell({content}),
  };
  const {default: widget} = await import(URL.createObjectURL(new Blob([script], {type: 'text/javascript'})));
  widget.render({model, el: document.getElementById('gw')});
}"""


class Bridge:
    """Joins a page and a lab of driver "inline"; `asked` are the requests that came."""

    def __init__(self, page, lab):
        self.page, self.lab, self.posts, self.told, self.asked, self.complaints = page, lab, [], {}, [], []
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        lab.send = lambda content, buffers=None: self.posts.append((content, [encoded(each) for each in buffers or []]))
        page.expose_function("gwTell", self.tell)
        page.set_content(PAGE)
        page.evaluate(JOIN, [lab._esm, lab._css])

    def tell(self, text):
        """What the page says; what the lab answers, and which traits have changed since."""
        said = json.loads(text)
        if "content" in said:
            self.asked.append(said["content"])
            self.lab._handle_custom_msg(said["content"], [])
        if "set" in said:
            self.lab.set_state(said["set"])
        own = ("layout", "tooltip", "tabbable")
        names = [name for name in self.lab.traits(sync=True) if not name.startswith("_") and name not in own]
        now = {name: encoded(value) if name == "picture" else value for name in names for value in [getattr(self.lab, name)]}
        fresh = {name: value for name, value in now.items() if name not in self.told or self.told[name] != value}
        self.told, posts, self.posts = {**self.told, **fresh}, self.posts, []
        return json.dumps({"traits": fresh, "posts": posts})

    def pull(self):
        """Let the page hear what was done from Python."""
        self.page.evaluate("() => window.gwPull()")

    def of(self, kind):
        """The requests of a kind."""
        return [each for each in self.asked if each["kind"] == kind]


def encoded(value):
    """Bytes as text."""
    return base64.b64encode(bytes(value)).decode()
