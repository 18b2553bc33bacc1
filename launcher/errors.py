"""What stops the launcher."""


class LauncherError(Exception):
    """The portal cannot be started; the text says why and what to do."""


class StopRequested(Exception):
    """Ctrl-C or SIGTERM arrived before the portal was ready."""
