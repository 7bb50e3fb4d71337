//! Keys and users from the command line, against the real binary.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use super::PASSWORD;
use crate::binary::{Server, cidadao, json, ok};

fn with_password(data: &Path, arguments: &[&str], password: &str) -> Output {
    let mut command = cidadao(data);
    let mut child = command
        .args(["--output", "json", "users"])
        .args(arguments)
        .arg("--password-stdin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have refused its arguments and closed the pipe.
    let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes());
    child.wait_with_output().unwrap()
}

#[test]
fn the_first_key_is_made_without_a_server_and_no_secret_is_logged() {
    let data = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| cidadao(data.path()).args(["--output", "json"]).args(arguments).output().unwrap();
    let made = json(&run(&["keys", "create", "--name", "first", "--role", "analyst", "--expires-in", "30d"]));
    assert_eq!(made.as_object().unwrap().len(), 2);
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let listed = json(&run(&["keys", "list"]));
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"], &listed[0]["role"]),
        (&made["id"], &Value::from("first"), &Value::from("analyst"))
    );
    assert!(!listed.to_string().contains(key) && key.starts_with(listed[0]["prefix"].as_str().unwrap()));
    let user =
        json(&with_password(data.path(), &["create", "--username", "Ana", "--email", "ana@example.org"], PASSWORD));
    assert_eq!((&user["username"], &user["role"]), (&Value::from("ana"), &Value::from("analyst")));
    let refused = with_password(data.path(), &["create", "--username", "rui"], "hunter2");
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("7 characters") && !told.contains("hunter2"), "{told}");
    let refused =
        cidadao(data.path()).args(["users", "create", "--username", "rui"]).stdin(Stdio::null()).output().unwrap();
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--password-stdin"));
    assert_eq!(json(&run(&["users", "list"])).as_array().unwrap().len(), 1);

    let path = data.path().join("log");
    let mut command = cidadao(data.path());
    command.env("CIDADAO_LOG", "trace").stderr(std::fs::File::create(&path).unwrap());
    let server = Server::of(command);
    let url = server.url();
    let investigate = |key: Option<&str>| {
        let mut command = cidadao(data.path());
        command.args(["--output", "json", "investigate", "obras", "--server", &url]).env_remove("CIDADAO_API_KEY");
        if let Some(key) = key {
            command.env("CIDADAO_API_KEY", key);
        }
        command.output().unwrap()
    };
    let started = json(&investigate(Some(key)));
    assert!(started["investigation_id"].is_string());
    let refused = investigate(None);
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && told.contains("credentials are required"), "{told}");
    let token = log_in(&url, PASSWORD).unwrap();
    log_in(&url, "a wrong password").unwrap_err();
    json(&run(&["keys", "revoke", id]));
    json(&run(&["users", "disable", "ana"]));
    json(&run(&["users", "enable", "ana"]));
    json(&with_password(data.path(), &["set-password", "ana"], "another long password"));
    drop(server);
    let log = std::fs::read_to_string(&path).unwrap();
    assert!(log.contains("credentials: required (auth is auto, and there are keys or users)"), "{log}");
    assert!(log.contains("call ended"), "the log is that of a server that tells everything: {log}");
    for secret in [key, PASSWORD, token.as_str(), "a wrong password", "another long password"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(data.path().join("jwt.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

fn log_in(url: &str, password: &str) -> Result<String, tonic::Status> {
    use cidadao::api::pb;
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut client = pb::auth_service_client::AuthServiceClient::connect(url.to_owned()).await.unwrap();
        let request =
            pb::LoginRequest { username: "ana".to_owned(), password: password.to_owned(), ..Default::default() };
        Ok(client.login(request).await?.into_inner().access_token)
    })
}

#[test]
fn a_secret_in_the_environment_is_not_in_the_help() {
    let data = tempfile::tempdir().unwrap();
    for command in ["serve", "investigate", "report", "keys", "users"] {
        let mut run = cidadao(data.path());
        run.env("CIDADAO_JWT_SECRET", "hunter2".repeat(5)).env("CIDADAO_API_KEY", "hunter2").args([command, "--help"]);
        let help = ok(&run.output().unwrap());
        assert!(!help.contains("hunter2"), "{help}");
    }
}
