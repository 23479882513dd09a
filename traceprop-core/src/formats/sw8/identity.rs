//! The identity that sw8 writes: fields 5 and 6.

use core::fmt;

use crate::wire::words;

/// Characters of the longest service name and of the longest instance name, by the specification.
const MAX_CHARS: usize = 50;

/// A service and one of its instances.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) service: Name,
    pub(super) instance: Name,
}

impl Identity {
    pub(super) fn check(&self) -> Result<(), Sw8IdentityError> {
        for (name, error) in
            [(&self.service, Sw8IdentityError::BadService), (&self.instance, Sw8IdentityError::BadInstance)]
        {
            let name = name.as_str();
            // The Java agent drops a context with an empty field.
            if name.is_empty() || name.chars().nth(MAX_CHARS).is_some() {
                return Err(error);
            }
        }
        Ok(())
    }
}

#[derive(Clone)]
pub(super) enum Name {
    Static(&'static str),
    #[cfg(feature = "alloc")]
    Shared(alloc::sync::Arc<str>),
}

impl Name {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Static(name) => name,
            #[cfg(feature = "alloc")]
            Self::Shared(name) => name,
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

words! {
    /// Why an identity is missing or invalid, so that sw8 cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "alloc")] {
    /// use traceprop_core::formats::sw8::{Sw8, Sw8IdentityError};
    ///
    /// let error = Sw8::builder().service("cart").instance("").build().unwrap_err();
    /// assert_eq!(error, Sw8IdentityError::BadInstance);
    /// assert_eq!(error.to_string(), "the instance name must have 1 to 50 characters");
    /// # }
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Sw8IdentityError {
        /// There is no identity: the format only reads.
        Missing = "no service name; set SW_AGENT_NAME or OTEL_SERVICE_NAME",
        /// No service name was set, in code or in the environment.
        NoService = "no service name; set SW_AGENT_NAME or OTEL_SERVICE_NAME",
        /// No instance name was set, and none can be generated without the features `std` and `rand`.
        NoInstance = "no instance name; set one, or enable feature rand to generate it",
        /// The service name does not have 1 to 50 characters.
        BadService = "the service name must have 1 to 50 characters",
        /// The instance name does not have 1 to 50 characters.
        BadInstance = "the instance name must have 1 to 50 characters",
    }

    /// Returns the message.
    pub fn as_str;
}

impl core::error::Error for Sw8IdentityError {}

#[cfg(feature = "alloc")]
pub use builder::Sw8Builder;

#[cfg(feature = "alloc")]
mod builder {
    use alloc::string::String;
    use alloc::sync::Arc;

    use super::{Identity, Name, Sw8IdentityError};
    use crate::formats::sw8::Sw8;

    /// A builder for an [`Sw8`] that writes.
    ///
    /// The service defaults to `SW_AGENT_NAME`, then `OTEL_SERVICE_NAME` (feature `std`). The instance defaults to a
    /// random id of the process (features `std` and `rand`).
    ///
    /// # Examples
    ///
    /// ```
    /// use traceprop_core::formats::sw8::{Sw8IdentityError, Sw8};
    ///
    /// let sw8 = Sw8::builder().service("mall::cart").instance("cart-7d9f").build()?;
    /// assert_eq!((sw8.service(), sw8.instance()), (Some("mall::cart"), Some("cart-7d9f")));
    /// let error = Sw8::builder().service("").instance("cart-7d9f").build().unwrap_err();
    /// assert_eq!(error, Sw8IdentityError::BadService);
    /// # Ok::<(), Sw8IdentityError>(())
    /// ```
    #[derive(Clone, Debug, Default)]
    pub struct Sw8Builder {
        service: Option<String>,
        instance: Option<String>,
    }

    impl Sw8Builder {
        /// Sets the service name, 1 to 50 characters. SkyWalking treats the part before `::` as the service's group.
        pub fn service(mut self, name: impl Into<String>) -> Self {
            self.service = Some(name.into());
            self
        }

        /// Sets the instance name, 1 to 50 characters.
        pub fn instance(mut self, name: impl Into<String>) -> Self {
            self.instance = Some(name.into());
            self
        }

        /// Builds a format that reads and writes.
        ///
        /// # Errors
        ///
        /// Returns [`Sw8IdentityError`] if a name is missing, empty or too long.
        pub fn build(self) -> Result<Sw8, Sw8IdentityError> {
            self.build_with(&environment)
        }

        pub(super) fn build_with(self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Sw8, Sw8IdentityError> {
            let found = || {
                let values = ["SW_AGENT_NAME", "OTEL_SERVICE_NAME"].into_iter().filter_map(variable);
                values.map(|value| String::from(value.trim())).find(|value| !value.is_empty())
            };
            let service = self.service.or_else(found).ok_or(Sw8IdentityError::NoService)?;
            let instance = match self.instance {
                Some(instance) => Arc::from(instance),
                None => of_process().ok_or(Sw8IdentityError::NoInstance)?,
            };
            let identity = Identity { service: Name::Shared(Arc::from(service)), instance: Name::Shared(instance) };
            identity.check()?;
            Ok(Sw8::with_identity(identity))
        }
    }

    #[cfg(feature = "std")]
    pub(super) fn environment(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    #[cfg(not(feature = "std"))]
    fn environment(_: &str) -> Option<String> {
        None
    }

    /// Returns the random id of the process, so that all propagators name one instance.
    #[cfg(feature = "rand")]
    fn of_process() -> Option<Arc<str>> {
        use crate::id::generator::IdGenerator;
        use crate::id::random::RandomIds;
        use std::sync::OnceLock;

        static INSTANCE: OnceLock<Arc<str>> = OnceLock::new();
        let draw = || Arc::from(alloc::format!("{}", RandomIds.new_trace_id().0));
        Some(INSTANCE.get_or_init(draw).clone())
    }

    #[cfg(not(feature = "rand"))]
    fn of_process() -> Option<Arc<str>> {
        None
    }
}

#[cfg(feature = "alloc")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::sw8::Sw8;
    use alloc::string::{String, ToString};

    fn build(
        service: Option<&str>,
        instance: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<(String, String), Sw8IdentityError> {
        let mut builder = Sw8::builder();
        if let Some(service) = service {
            builder = builder.service(service);
        }
        if let Some(instance) = instance {
            builder = builder.instance(instance);
        }
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        let sw8 = builder.build_with(&variable)?;
        Ok((sw8.service().unwrap().into(), sw8.instance().unwrap().into()))
    }

    #[test]
    fn ok_service_from_code_then_from_the_environment() {
        let both = [("OTEL_SERVICE_NAME", "otel"), ("SW_AGENT_NAME", " agent ")];
        fn service(given: Option<&str>, variables: &[(&str, &str)]) -> Result<String, Sw8IdentityError> {
            build(given, Some("i"), variables).map(|(service, _)| service)
        }
        assert_eq!(service(Some("given"), &both).as_deref(), Ok("given"));
        assert_eq!(service(None, &both).as_deref(), Ok("agent"));
        assert_eq!(service(None, &both[..1]).as_deref(), Ok("otel"));
        assert_eq!(service(None, &[both[0], ("SW_AGENT_NAME", " ")]).as_deref(), Ok("otel"));
        assert_eq!(service(None, &[("SW_AGENT_NAME", "")]), Err(Sw8IdentityError::NoService));
        // A name set in code is used, even an empty one.
        assert_eq!(service(Some(""), &both), Err(Sw8IdentityError::BadService));
    }

    #[test]
    fn ok_50_characters_and_err_one_more() {
        let long = "é".repeat(50);
        assert_eq!(build(Some(&long), Some(&long), &[]), Ok((long.clone(), long.clone())));
        let longer = "é".repeat(51);
        assert_eq!(build(Some(&longer), Some("i"), &[]), Err(Sw8IdentityError::BadService));
        assert_eq!(build(Some("s"), Some(&longer), &[]), Err(Sw8IdentityError::BadInstance));
        assert_eq!(build(Some("s"), Some(""), &[]), Err(Sw8IdentityError::BadInstance));
    }

    #[cfg(feature = "std")]
    #[test]
    fn ok_environment_of_the_process() {
        assert_eq!(super::builder::environment("PATH"), std::env::var("PATH").ok());
        assert_eq!(super::builder::environment("TRACEPROP_NO_SUCH_VARIABLE"), None);
    }

    #[test]
    fn ok_messages_and_debug() {
        let message = Sw8IdentityError::NoService.to_string();
        assert_eq!(message, "no service name; set SW_AGENT_NAME or OTEL_SERVICE_NAME");
        assert_eq!(std::format!("{:?}", Name::Static("cart")), "\"cart\"");
    }

    #[cfg(feature = "rand")]
    #[test]
    fn ok_instance_is_generated_once_for_the_process() {
        let (_, first) = build(Some("a"), None, &[]).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(build(Some("b"), None, &[]).unwrap().1, first);
    }

    #[cfg(not(feature = "rand"))]
    #[test]
    fn err_instance_that_cannot_be_generated() {
        assert_eq!(build(Some("a"), None, &[]), Err(Sw8IdentityError::NoInstance));
    }
}
