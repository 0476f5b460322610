//! A real browser over its DevTools protocol: as much of it as the tests need.

use std::io::Write;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser's program: that of `CHROMIUM`, or the first of its usual names on the path.
pub fn find() -> Option<PathBuf> {
    let given = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let usual = std::env::split_paths(&path).flat_map(|folder| names.map(|name| folder.join(name)));
    given.into_iter().chain(usual).find(|program| program.is_file())
}

/// Says on the terminal, past the capture of test output, that a test was skipped.
pub fn skipped(what: &str, how: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: {what}. {how}");
}

/// A running browser with one open page.
pub struct Browser {
    process: Child,
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    last: u64,
    /// What the page reported, in order.
    pub events: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Browser {
    /// Starts the program with an empty profile.
    pub fn start(program: &Path) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let process = Command::new(program)
            // Containers have no room for the sandbox; the pages are our own.
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"])
            .args([
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--remote-debugging-port=0",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the browser starts");
        let file = profile.path().join("DevToolsActivePort");
        let start = Instant::now();
        let (port, path) = loop {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some((port, path)) = text.trim_end().split_once('\n') {
                break (port.parse::<u16>().expect("a port"), path.to_owned());
            }
            assert!(start.elapsed() < PATIENCE, "the browser opens no port");
            std::thread::sleep(Duration::from_millis(50));
        };
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let (socket, _) = tungstenite::client(format!("ws://127.0.0.1:{port}{path}"), stream).expect("a socket");
        let mut browser = Self { process, socket, session: None, last: 0, events: vec![], _profile: profile };
        let target = browser.call("Target.createTarget", json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({"targetId": target, "flatten": true}));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser
    }

    fn read(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().expect("the browser answers") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }

    /// Calls a method of the protocol.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.last += 1;
        let mut message = json!({"id": self.last, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(message.to_string())).expect("sent");
        loop {
            let mut answer = self.read();
            if answer["id"] == self.last {
                assert!(answer.get("error").is_none(), "{method}: {}", answer["error"]);
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// Sets the window's size.
    pub fn resize(&mut self, [width, height]: [u32; 2], mobile: bool) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile});
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Opens a file and waits until all of it is there.
    pub fn open(&mut self, file: &Path, anchor: &str) {
        self.events.clear();
        // From an empty page, because a new anchor alone loads nothing.
        self.navigate("about:blank");
        self.navigate(&format!("file://{}{anchor}", file.display()));
        let ready = "Promise.all([document.fonts.ready, ...[...document.images].map((image) => { image.loading = 'eager'; \
                     return image.src ? image.decode().catch(() => {}) : null; })]).then(() => true)";
        assert_eq!(self.run(ready), true);
    }

    fn navigate(&mut self, address: &str) {
        let before = self.events.len();
        self.call("Page.navigate", json!({"url": address}));
        let loaded = |event: &Value| event["method"] == "Page.loadEventFired";
        while !self.events[before..].iter().any(loaded) {
            let event = self.read();
            self.events.push(event);
        }
    }

    /// The value of an expression in the page, promises awaited.
    pub fn run(&mut self, expression: &str) -> Value {
        let params = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let mut answer = self.call("Runtime.evaluate", params);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {}", answer["exceptionDetails"]);
        answer["result"]["value"].take()
    }

    /// Presses a key, as a hand would.
    pub fn press(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Chooses a value of the select element of this name.
    pub fn choose(&mut self, name: &str, value: &str) {
        self.run(&format!(
            "(() => {{ const s = document.querySelector('[name={name}]'); s.value = '{value}'; \
             s.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
        ));
    }

    /// Clicks the middle of an element, once the page is drawn where it was scrolled to: a browser under load still hits what was
    /// there before.
    pub fn click(&mut self, selector: &str) {
        let place = self.run(&format!(
            "(async () => {{ const e = document.querySelector('{selector}'); \
             e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             for (let k = 0; k < 2; k++) await new Promise((drawn) => requestAnimationFrame(drawn)); \
             const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
        ));
        for (kind, button) in [("mouseMoved", "none"), ("mousePressed", "left"), ("mouseReleased", "left")] {
            let params = json!({"type": kind, "x": place[0], "y": place[1], "button": button, "clickCount": 1});
            self.call("Input.dispatchMouseEvent", params);
        }
    }

    /// Waits until an expression has this value, and fails with the last one if it never has.
    pub fn until(&mut self, expression: &str, expected: &Value) {
        let start = Instant::now();
        loop {
            let value = self.run(expression);
            if value == *expected {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{expression}: {value}, not {expected}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The file that a call returns as base64.
    pub fn file(&mut self, method: &str, params: Value) -> Vec<u8> {
        use base64::Engine;
        let answer = self.call(method, params);
        base64::engine::general_purpose::STANDARD.decode(answer["data"].as_str().expect("data")).expect("base64")
    }

    /// What went wrong in the page, and what it asked for outside of `folder`.
    pub fn complaints(&self, folder: &Path) -> Vec<String> {
        let inside = format!("file://{}/", folder.display());
        let complaint = |event: &Value| {
            let params = &event["params"];
            match event["method"].as_str()? {
                "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
                "Runtime.consoleAPICalled" if params["type"] != "log" => Some(params["args"].to_string()),
                "Log.entryAdded" => Some(params["entry"].to_string()),
                // What was under way when the page was left is of no interest.
                "Network.loadingFailed" if params["canceled"] != true => Some(params.to_string()),
                "Network.requestWillBeSent" => {
                    let address = params["request"]["url"].as_str()?;
                    let allowed =
                        address.starts_with(&inside) || address.starts_with("data:") || address == "about:blank";
                    (!allowed).then(|| format!("a request leaves the folder: {address}"))
                }
                _ => None,
            }
        };
        self.events.iter().filter_map(complaint).collect()
    }
}
