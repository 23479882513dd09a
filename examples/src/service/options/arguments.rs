use super::OptionsError;

/// The arguments as text.
#[derive(Default)]
pub(super) struct Arguments {
    pub(super) listen: Option<String>,
    pub(super) extract: Option<String>,
    pub(super) inject: Option<String>,
    pub(super) correlation: Vec<String>,
    pub(super) sw8_service: Option<String>,
    pub(super) sw8_instance: Option<String>,
    pub(super) trust: Option<String>,
    pub(super) behavior: Option<String>,
    pub(super) extract_first: bool,
    pub(super) sentry_org_id: Option<String>,
    pub(super) strict_trace_continuation: bool,
    pub(super) trusted_account_key: Option<String>,
    pub(super) baggage_members: Option<String>,
    pub(super) baggage_bytes: Option<String>,
    pub(super) passthrough: bool,
    pub(super) keep_refused: bool,
    pub(super) accept_baggage: Option<String>,
    pub(super) skip: Vec<String>,
    pub(super) upstream: Option<String>,
    pub(super) client: Option<String>,
    pub(super) send_baggage: Option<String>,
    pub(super) send_correlation: bool,
    pub(super) keep_formats: Option<String>,
}

/// Where the value of an argument goes.
enum Place<'a> {
    Switch(&'a mut bool),
    Value(&'a mut Option<String>),
    List(&'a mut Vec<String>),
}

impl Arguments {
    pub(super) fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, OptionsError> {
        let mut found = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(name) = arguments.next() {
            let Some(place) = found.place(&name) else { return Err(OptionsError::UnknownArgument(name)) };
            let value = || arguments.next().ok_or(OptionsError::MissingValue(name));
            match place {
                Place::Switch(switch) => *switch = true,
                Place::Value(place) => *place = Some(value()?),
                Place::List(list) => list.push(value()?),
            }
        }
        Ok(found)
    }

    fn place(&mut self, name: &str) -> Option<Place<'_>> {
        Some(match name {
            "--extract-first" => Place::Switch(&mut self.extract_first),
            "--strict-trace-continuation" => Place::Switch(&mut self.strict_trace_continuation),
            "--passthrough" => Place::Switch(&mut self.passthrough),
            "--keep-refused" => Place::Switch(&mut self.keep_refused),
            "--send-correlation" => Place::Switch(&mut self.send_correlation),
            "--correlation" => Place::List(&mut self.correlation),
            "--skip" => Place::List(&mut self.skip),
            "--listen" => Place::Value(&mut self.listen),
            "--extract" => Place::Value(&mut self.extract),
            "--inject" => Place::Value(&mut self.inject),
            "--sw8-service" => Place::Value(&mut self.sw8_service),
            "--sw8-instance" => Place::Value(&mut self.sw8_instance),
            "--trust" => Place::Value(&mut self.trust),
            "--behavior" => Place::Value(&mut self.behavior),
            "--sentry-org-id" => Place::Value(&mut self.sentry_org_id),
            "--trusted-account-key" => Place::Value(&mut self.trusted_account_key),
            "--baggage-members" => Place::Value(&mut self.baggage_members),
            "--baggage-bytes" => Place::Value(&mut self.baggage_bytes),
            "--accept-baggage" => Place::Value(&mut self.accept_baggage),
            "--upstream" => Place::Value(&mut self.upstream),
            "--client" => Place::Value(&mut self.client),
            "--keep-formats" => Place::Value(&mut self.keep_formats),
            "--send-baggage" => Place::Value(&mut self.send_baggage),
            _ => return None,
        })
    }
}
