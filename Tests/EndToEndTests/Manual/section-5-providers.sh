# 测试Provider
curl -X POST http://localhost:8080/api/providers/openai/test

# 切换Provider
curl -X POST http://localhost:8080/api/providers/default?provider=anthropic
