"""The server: the demo page, A1111's and OpenAI's APIs and MCP, over one queue. FastAPI is imported here and nowhere else."""
