rm -rf "/standin/artifacts/$INPUT_NAME"
if [ -d "$INPUT_PATH" ]; then
  mkdir -p "/standin/artifacts/$INPUT_NAME" && cp -r "$INPUT_PATH/." "/standin/artifacts/$INPUT_NAME"
fi
