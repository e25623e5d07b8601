//! A node from start to end: logging, arguments, parameters, SIGINT, the exit code.

use super::RosError;
use super::convert::pose::nanos_from_time_msg;
use super::parameters::{Live, USE_SIM_TIME};
use super::spinning::{PATIENCE, Spinning, ends_within, leave_if_held};
use crate::options::{ParameterError, ParameterValue};
use futures::{Stream, StreamExt};
use r2r::{QosProfile, ServiceRequest, WrappedServiceTypeSupport, WrappedTypesupport};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// A node that is being set up. It spins once [`Node::spin`] or [`run`] has taken it.
pub struct Node {
    inner: r2r::Node,
    clock: Clock,
    parameters: Live,
}

/// ROS time: that of `/clock` with `use_sim_time`, else the system's.
///
/// r2r's own time source is not used: it is missing from r2r whenever cargo has run r2r's build script again on bindings
/// that were there already.
#[derive(Clone)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// Now (ns); 0 while nothing has come on `/clock`.
    pub fn now_nanos(&self) -> i64 {
        match &self.0 {
            Some(simulated) => simulated.load(Ordering::Relaxed),
            None => {
                let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
            }
        }
    }
}

impl Node {
    /// Makes a node of this name; remapping and parameters come from the program's `--ros-args`.
    ///
    /// # Errors
    /// [`RosError`] says what is wrong with arguments or parameters.
    pub fn create(name: &str) -> Result<Self, RosError> {
        // r2r panics where ROS refuses the arguments, e.g. a parameter file that is no YAML.
        let context = quietly(r2r::Context::create)
            .map_err(RosError::Start)?
            .map_err(|error| RosError::Start(error.to_string()))?;
        #[allow(unused_mut, reason = "some versions of r2r want it")]
        let mut inner = quietly(|| r2r::Node::create(context, name, ""))
            .map_err(RosError::Start)?
            .map_err(|error| RosError::Start(error.to_string()))?;
        let overrides = inner.params.clone();
        let (parameters, use_sim_time) = {
            let overrides = overrides.lock().unwrap_or_else(PoisonError::into_inner);
            let values = overrides.iter().map(|(name, parameter)| (name.as_str(), &parameter.value));
            (Live::from_overrides(values)?, overrides.get(USE_SIM_TIME).map(|parameter| parameter.value.clone()))
        };
        let simulated = match use_sim_time {
            None | Some(r2r::ParameterValue::Bool(false)) => None,
            Some(r2r::ParameterValue::Bool(true)) => Some(Arc::<AtomicI64>::default()),
            Some(other) => {
                let found = ParameterValue::Text(other.type_name().into());
                return Err(ParameterError::Type { name: USE_SIM_TIME.into(), expected: "true or false", found }.into());
            }
        };
        Ok(Self { inner, clock: Clock(simulated), parameters })
    }

    /// The parameters.
    pub fn parameters(&self) -> Live {
        self.parameters.clone()
    }

    /// The clock.
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Subscribes to a topic.
    ///
    /// # Errors
    /// [`RosError::Call`] names the topic.
    pub fn subscribe<T: WrappedTypesupport + Send + 'static>(
        &mut self,
        topic: &str,
        qos: QosProfile,
    ) -> Result<impl Stream<Item = T> + Unpin + Send + use<T>, RosError> {
        self.inner.subscribe::<T>(topic, qos).map_err(call(topic))
    }

    /// Advertises a service; each request waits to be answered.
    ///
    /// # Errors
    /// [`RosError::Call`] names the service.
    pub fn serve<S: WrappedServiceTypeSupport + 'static>(
        &mut self,
        service: &str,
    ) -> Result<impl Stream<Item = ServiceRequest<S>> + Unpin + Send + use<S>, RosError> {
        self.inner.create_service::<S>(service, QosProfile::services_default()).map_err(call(service))
    }

    /// Advertises a topic.
    ///
    /// # Errors
    /// [`RosError::Call`] names the topic.
    pub fn publisher<T: WrappedTypesupport>(
        &mut self,
        topic: &str,
        qos: QosProfile,
    ) -> Result<r2r::Publisher<T>, RosError> {
        self.inner.create_publisher::<T>(topic, qos).map_err(call(topic))
    }

    /// Takes the time from `/clock` if the node is to; the future must run while the node spins.
    ///
    /// # Errors
    /// [`RosError::Call`].
    pub fn follow_clock(&mut self) -> Result<impl Future<Output = ()> + Send + use<>, RosError> {
        let simulated = self.clock.0.clone();
        let ticks = match &simulated {
            Some(_) => Some(self.subscribe::<r2r::rosgraph_msgs::msg::Clock>("/clock", QosProfile::sensor_data())?),
            None => None,
        };
        Ok(async move {
            if let (Some(simulated), Some(mut ticks)) = (simulated, ticks) {
                while let Some(tick) = ticks.next().await {
                    simulated.store(nanos_from_time_msg(&tick.clock), Ordering::Relaxed);
                }
            }
        })
    }

    /// Answers parameter services; the future must run while the node spins.
    ///
    /// # Errors
    /// [`RosError::Call`].
    pub fn serve_parameters(&mut self) -> Result<impl Future<Output = ()> + Send + use<>, RosError> {
        self.parameters.clone().serve(&mut self.inner)
    }

    /// Spins on a thread of its own until the guard is dropped.
    ///
    /// # Errors
    /// [`RosError::Start`] if the system gives no thread.
    pub fn spin(self) -> Result<Spinning, RosError> {
        Spinning::start(self.inner)
    }
}

/// Runs a node: `start` subscribes and advertises, and returns the future that is the node's work. Ends with exit code
/// 0 at SIGINT and SIGTERM, with 1 after printing what is wrong.
pub fn run<Work>(name: &str, start: impl FnOnce(&mut Node) -> Result<Work, RosError>) -> ExitCode
where
    Work: Future<Output = Result<(), RosError>> + Send + 'static,
{
    start_logging();
    let outcome = try_run(name, start);
    if let Err(error) = &outcome {
        tracing::error!("{name}: {error}");
    }
    leave_if_held(outcome.is_ok());
    outcome.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

/// Log lines on standard error; `RUST_LOG` says how many.
pub fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let colorful = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Refused where a program has its own logging already.
    let _ = lines.with_target(false).with_ansi(colorful).try_init();
}

fn try_run<Work>(name: &str, start: impl FnOnce(&mut Node) -> Result<Work, RosError>) -> Result<(), RosError>
where
    Work: Future<Output = Result<(), RosError>> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| RosError::Start(error.to_string()))?;
    runtime.block_on(async {
        let signals = signal().map_err(|error| RosError::Start(error.to_string()))?;
        let mut node = Node::create(name)?;
        let parameters = node.serve_parameters()?;
        let time = node.follow_clock()?;
        let work = start(&mut node)?;
        let _spinning = node.spin()?;
        let parameters = tokio::spawn(parameters);
        let time = tokio::spawn(time);
        tracing::info!("{name}: ready");
        let mut work = Box::pin(work);
        let result = tokio::select! {
            result = &mut work => result,
            () = signals => Ok(()),
        };
        parameters.abort();
        time.abort();
        if !ends_within(PATIENCE, move || drop(work)) {
            return Err(RosError::Other(format!("its work has not ended within {} s", PATIENCE.as_secs())));
        }
        result
    })
}

/// Completes at SIGINT or SIGTERM, from now on.
///
/// # Errors
/// If the system gives no signals.
pub fn signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {},
            _ = terminate.recv() => {},
        }
    })
}

fn call(topic: &str) -> impl Fn(r2r::Error) -> RosError {
    let doing = topic.to_owned();
    move |error| RosError::Call { doing: doing.clone(), error }
}

/// Calls something that may panic; gives the panic's text without printing it.
fn quietly<T>(action: impl FnOnce() -> T) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(action));
    std::panic::set_hook(hook);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}
