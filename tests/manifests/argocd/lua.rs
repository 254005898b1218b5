//! Two interpreters for Argo CD's scripts: the one that it uses, with the libraries that it gives them, and Lua 5.1 itself.

use mlua::{Lua, LuaOptions, StdLib};
use serde::Serialize;
use serde_json::{Value, json};
use vobiz_harness::judges;

use crate::judge;

/// A script, and the object that it is run for.
#[derive(Serialize)]
pub struct Question<'a> {
    kind: &'a str,
    script: &'a str,
    object: &'a Value,
}

impl<'a> Question<'a> {
    /// The kind is `health`, `discovery` or `action`.
    pub fn new(kind: &'a str, script: &'a str, object: &'a Value) -> Self {
        Self { kind, script, object }
    }
}

/// What the scripts return in Argo CD's interpreter, for an action the merge patch that Argo CD sends. Lua 5.1 must return the same, times
/// aside.
pub fn answers(questions: &[Question]) -> Vec<Value> {
    let answers = in_argo_cd(questions).unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(answers.len(), questions.len());
    for (question, answer) in questions.iter().zip(&answers) {
        let returned = in_lua_5_1(question.script, question.object);
        if question.kind == "action" {
            let mut patched = question.object.clone();
            merge(&mut patched, answer);
            assert_eq!(comparable(returned), comparable(patched), "{}", question.script);
        } else {
            assert_eq!(&returned, answer, "{}", question.script);
        }
    }
    answers
}

/// What Argo CD's interpreter says to scripts, or why it refuses one.
fn in_argo_cd(questions: &[Question]) -> Result<Vec<Value>, String> {
    let input = serde_json::to_string(questions).unwrap();
    let printed = judge::run(&judges::ARGOCD, "argocd", &[], &input)?;
    Ok(serde_json::from_str(&printed).unwrap())
}

fn in_lua_5_1(script: &str, object: &Value) -> Value {
    let lua = Lua::new_with(
        StdLib::TABLE | StdLib::OS | StdLib::PACKAGE,
        LuaOptions::default(),
    )
    .unwrap();
    // To be had by `require` alone.
    lua.globals().set("os", mlua::Value::Nil).unwrap();
    lua.globals().set("obj", to_lua(&lua, object)).unwrap();
    from_lua(lua.load(script).eval().unwrap())
}

fn to_lua(lua: &Lua, value: &Value) -> mlua::Value {
    match value {
        Value::Null => mlua::Value::Nil,
        Value::Bool(value) => mlua::Value::Boolean(*value),
        Value::Number(value) => mlua::Value::Number(value.as_f64().unwrap()),
        Value::String(value) => mlua::Value::String(lua.create_string(value).unwrap()),
        Value::Array(values) => {
            let values = values.iter().map(|value| to_lua(lua, value));
            mlua::Value::Table(lua.create_sequence_from(values).unwrap())
        }
        Value::Object(values) => {
            let values = values
                .iter()
                .map(|(key, value)| (key.as_str(), to_lua(lua, value)));
            mlua::Value::Table(lua.create_table_from(values).unwrap())
        }
    }
}

/// An empty table is a map.
fn from_lua(value: mlua::Value) -> Value {
    match value {
        mlua::Value::Boolean(value) => json!(value),
        mlua::Value::Integer(value) => json!(value),
        #[expect(clippy::cast_possible_truncation, reason = "only whole numbers went in")]
        mlua::Value::Number(value) => json!(value as i64),
        mlua::Value::String(value) => json!(value.to_string_lossy()),
        mlua::Value::Table(table) if table.raw_len() > 0 => table
            .sequence_values()
            .map(|item| from_lua(item.unwrap()))
            .collect(),
        mlua::Value::Table(table) => {
            let fields = table.pairs::<String, mlua::Value>().map(Result::unwrap);
            Value::Object(fields.map(|(key, field)| (key, from_lua(field))).collect())
        }
        other => panic!("a script returns a {}", other.type_name()),
    }
}

/// A JSON merge patch, as the API server applies it.
fn merge(object: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (name, value) in fields {
        if value.is_null() {
            object.as_object_mut().unwrap().remove(name);
        } else {
            merge(&mut object[name], value);
        }
    }
}

/// Texts that are times say so alone, and what is empty is a map.
fn comparable(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => fields
            .values_mut()
            .for_each(|field| *field = comparable(field.take())),
        Value::Array(items) if items.is_empty() => return json!({}),
        Value::Array(items) => items.iter_mut().for_each(|item| *item = comparable(item.take())),
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => "a time".clone_into(text),
        _ => {}
    }
    value
}

#[test]
fn scripts_that_need_more_than_argo_cd_gives_them_are_refused() {
    let object = json!({});
    for (script, said) in [
        ("return {status = string.upper('healthy')}", "'upper'"),
        ("return {status = ('healthy'):upper()}", "'upper'"),
        ("return {status = math.floor(1)}", "'floor'"),
        ("return {status = os.date()}", "'date'"),
        ("return {status = require('os').getenv('HOME')}", "non-function"),
        ("while true do end", "deadline"),
        ("return 'Healthy'", "no table"),
    ] {
        let refusal = in_argo_cd(&[Question::new("health", script, &object)]).unwrap_err();
        assert!(refusal.contains(said), "{script}: {refusal}");
    }
}
