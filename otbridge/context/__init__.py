"""Who is speaking: the correlation id, the context on its way between processes, and silence.

Everything here lives in OpenTelemetry's context, which is a `contextvars` variable: tasks and
`asyncio.to_thread` inherit it, threads start with none of it.
"""
