//! What a pass asks Vobiz, and what goes wrong with a create request. I/O.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use vobiz_harness::simulator_control::Fault as SimulatorFault;
use vobiz_harness::simulator_journal::{JournalQuery, Operation};
use vobiz_model::step::Fault;
use vobiz_model::world::{Account, Written};
use vobiz_operator::account::marker::Marker;
use vobiz_operator::vobiz::{AuthId, AuthToken, Credentials};

use super::{INSTALLATION, PATIENCE, POLL_INTERVAL, Real, UNKNOWN};

impl Real<'_> {
    /// The create request, with what goes wrong with it. `place`: where the model keeps it if it is under way.
    pub async fn create_account(
        &mut self,
        series: u8,
        epoch: u8,
        fault: Fault,
        place: Option<usize>,
    ) -> Result<Written> {
        let action = match fault {
            Fault::None => {
                self.post(series, epoch).await?;
                return Ok(Written::Done);
            }
            Fault::After => json!({"type": "lose_after"}),
            Fault::Refused => json!({"type": "status", "status": 422}),
            Fault::Late if place.is_some() => json!({"type": "hold_before"}),
            Fault::Before | Fault::NeverSent | Fault::Late => json!({"type": "lose_before"}),
        };
        let rule = SimulatorFault::new(action)
            .operation(Operation::Create)
            .name(&self.name)
            .times(1);
        let number = self.environment.simulator.add_fault(&rule).await?;
        let body = self.creation(series, epoch);
        let request = self.request(Method::POST, None).json(&body);
        if let Some(place) = place {
            // The client goes while the server holds the request.
            let sent = tokio::spawn(request.send());
            let query = JournalQuery::new().operation(Operation::Create);
            let query = query.name(&self.name).held(true);
            self.holding += 1;
            let simulator = &self.environment.simulator;
            simulator.await_journal(&query, self.holding, PATIENCE).await?;
            sent.abort();
            self.held[place] = Some(number);
        } else {
            let answer = request.send().await;
            let answered = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            let expected = (fault == Fault::Refused).then_some(422);
            ensure!(answered == expected, "{fault:?} was answered {answered:?}");
        }
        if fault == Fault::After {
            self.discover().await?;
        }
        Ok(Written::Done)
    }

    /// A request under way is carried out.
    pub async fn commit(&mut self, place: usize) -> Result<()> {
        let number = self.held[place].take().context("no request is held there")?;
        self.holding -= 1;
        let release = json!({"fault": number});
        self.environment
            .simulator
            .control(Method::POST, "/holds/release", Some(&release))
            .await?;
        self.discover().await
    }

    /// A request under way is never carried out: it stays held.
    pub fn vanish(&mut self, place: usize) {
        self.held[place] = None;
    }

    pub async fn read_account(&self, id: u8) -> Result<Written> {
        self.item(Method::GET, id, None).await
    }

    pub async fn update(&self, id: u8, enabled: bool) -> Result<Written> {
        self.item(Method::PUT, id, Some(json!({"enabled": enabled})))
            .await
    }

    pub async fn delete_account(&self, id: u8) -> Result<Written> {
        self.item(Method::DELETE, id, Some(json!({"cascade": false})))
            .await
    }

    pub(super) async fn item(&self, method: Method, id: u8, body: Option<Value>) -> Result<Written> {
        let mut request = self.request(method, Some(self.pair(id)?.auth_id.as_str()));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        match answer.status().as_u16() {
            200..=299 => Ok(Written::Done),
            404 => Ok(Written::Refused),
            status => bail!("Vobiz answered {status}: {}", answer.text().await?),
        }
    }

    pub(super) async fn post(&mut self, series: u8, epoch: u8) -> Result<()> {
        let answer = self
            .request(Method::POST, None)
            .json(&self.creation(series, epoch))
            .send()
            .await?;
        ensure!(
            answer.status().is_success(),
            "a create was answered {}",
            answer.status()
        );
        let body: Value = serde_json::from_str(&answer.text().await?)?;
        self.learn(&body["auth_credentials"])
    }

    pub(super) fn creation(&self, series: u8, epoch: u8) -> Value {
        let marker = Marker {
            installation: INSTALLATION,
            series: self.series[usize::from(series)],
            epoch: u32::from(epoch),
        };
        json!({"name": self.name, "description": marker.to_string()})
    }

    /// Waits for the account that was made without an answer.
    pub(super) async fn discover(&mut self) -> Result<()> {
        let begun = Instant::now();
        loop {
            for account in self.environment.simulator.accounts().await? {
                let mine = account["name"] == *self.name;
                let known = |known: &Credentials| account["auth_id"] == *known.auth_id.as_str();
                if mine && !self.accounts.iter().any(known) {
                    return self.learn(&account);
                }
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "the account of a lost answer does not appear"
            );
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    pub(super) fn learn(&mut self, pair: &Value) -> Result<()> {
        let text = |key: &str| pair[key].as_str().with_context(|| format!("no {key} in a pair"));
        self.accounts.push(Credentials {
            auth_id: AuthId::parse(text("auth_id")?)?,
            auth_token: AuthToken::parse(text("auth_token")?)?,
        });
        Ok(())
    }

    /// What the list shows.
    pub(super) async fn listed(&self) -> Result<BTreeMap<u8, Account>> {
        let request = self.request(Method::GET, Some("?page=1&size=100&active_only=false"));
        let answer: reqwest::Response = request.send().await?;
        ensure!(
            answer.status().is_success(),
            "the list was answered {}",
            answer.status()
        );
        let body: Value = serde_json::from_str(&answer.text().await?)?;
        let listed = body["sub_accounts"].as_array().context("the answer is no list")?;
        let accounts = listed.iter().map(|account| {
            let marker = account["description"].as_str().and_then(Marker::at_end_of);
            let shown = Account {
                series: marker.map_or(UNKNOWN, |marker| self.series_number(marker.series)),
                epoch: marker.map_or(UNKNOWN, |marker| u8::try_from(marker.epoch).unwrap_or(UNKNOWN)),
                generation: 2,
                parent: 0,
                alive: true,
                enabled: account["enabled"] == true,
                due: false,
            };
            (self.id_number(account["auth_id"].as_str()), shown)
        });
        Ok(accounts.collect())
    }

    pub(super) fn request(&self, method: Method, rest: Option<&str>) -> reqwest::RequestBuilder {
        let collection = format!(
            "{}/api/v1/accounts/{}/sub-accounts/",
            self.environment.simulator.url(),
            self.parent.auth_id
        );
        let url = format!("{collection}{}", rest.unwrap_or_default());
        self.http
            .request(method, url)
            .header("x-auth-id", &self.parent.auth_id)
            .header("x-auth-token", &self.parent.auth_token)
    }
}
